//! The shape that the contract asks of a plugin's HTTP request. What the name resolves to is looked at by whoever sends it.

use http::{HeaderName, HeaderValue, header};
use url::{Host, Url};

const URL_BYTES: usize = 4 << 10;
const HEADERS: usize = 32;
const HEADER_BYTES: usize = 8 << 10;
const BODY_BYTES: usize = 64 << 10;
const TIMEOUT_MS: u32 = 10_000;

/// Headers that say where a request goes and how its connection is used.
const OF_THE_HOST: [HeaderName; 9] = [
    header::HOST,
    header::CONNECTION,
    header::CONTENT_LENGTH,
    header::TRANSFER_ENCODING,
    header::TE,
    header::TRAILER,
    header::UPGRADE,
    header::EXPECT,
    header::PROXY_AUTHORIZATION,
];

/// The host that an `https://` address names, in lower case; the error says what is wrong with the address.
pub(crate) fn host_of(url: &str) -> Result<String, String> {
    if url.len() > URL_BYTES {
        return Err(format!(
            "the address has {} bytes; at most {URL_BYTES} are possible",
            url.len()
        ));
    }
    let parsed = Url::parse(url).map_err(|error| format!("{url:?} is no address: {error}"))?;
    if parsed.scheme() != "https" {
        return Err(format!("{url:?} does not begin with https://"));
    }
    if !parsed.username().is_empty() || parsed.password().is_some() {
        return Err("the address holds a user or a password; send them as a header".into());
    }
    match parsed.host() {
        Some(Host::Domain(name)) => Ok(name.to_owned()),
        _ => Err(format!("{url:?} names no host, but an address of the network")),
    }
}

pub(crate) fn check(url: &str, headers: &[(String, String)], body: &[u8], timeout_ms: u32) -> Result<(), String> {
    host_of(url)?;
    let header_bytes: usize = headers.iter().map(|(name, value)| name.len() + value.len()).sum();
    if headers.len() > HEADERS || header_bytes > HEADER_BYTES {
        return Err(format!(
            "{} headers have {header_bytes} bytes; at most {HEADERS} with {HEADER_BYTES} bytes are possible",
            headers.len()
        ));
    }
    for (name, value) in headers {
        let parsed: HeaderName = name.parse().map_err(|_| format!("{name:?} is no header's name"))?;
        if OF_THE_HOST.contains(&parsed) || parsed == "keep-alive" || parsed == "proxy-connection" {
            return Err(format!("header {name:?} is the host's; leave it out"));
        }
        HeaderValue::from_str(value).map_err(|_| format!("header {name:?} has a value that cannot be sent"))?;
    }
    if body.len() > BODY_BYTES {
        return Err(format!(
            "the body has {} bytes; at most {BODY_BYTES} are possible",
            body.len()
        ));
    }
    if !(1..=TIMEOUT_MS).contains(&timeout_ms) {
        return Err(format!("timeout-ms is {timeout_ms}; 1 to {TIMEOUT_MS} is possible"));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_names_over_https_are_asked() {
        assert_eq!(
            host_of("https://API.example.org:8443/a?b#c"),
            Ok("api.example.org".into())
        );
        assert_eq!(host_of("https://bücher.example/"), Ok("xn--bcher-kva.example".into()));
        for (wrong, why) in [
            ("http://example.org/", "https://"),
            ("ftp://example.org/", "https://"),
            ("example.org", "no address"),
            ("https://user@example.org/", "user"),
            ("https://:word@example.org/", "password"),
            ("https://127.0.0.1/", "address of the network"),
            ("https://2130706433/", "address of the network"),
            ("https://0x7f.1/", "address of the network"),
            ("https://[::1]/", "address of the network"),
            ("https://", "no address"),
        ] {
            let reason = host_of(wrong).expect_err(wrong);
            assert!(reason.contains(why), "{wrong}: {reason}");
        }
    }

    #[test]
    fn headers_body_and_time_have_bounds() {
        let url = "https://example.org/";
        let header = |name: &str, value: &str| vec![(name.to_owned(), value.to_owned())];
        assert_eq!(
            check(url, &header("Accept", "text/plain"), &[0; BODY_BYTES], 10_000),
            Ok(())
        );
        let wrong = [
            (header("a b", ""), 0, 1, "\"a b\""),
            (header("x", "a\r\nb: c"), 0, 1, "\"x\""),
            (header("Host", "example.net"), 0, 1, "\"Host\""),
            (header("Transfer-Encoding", "chunked"), 0, 1, "\"Transfer-Encoding\""),
            (header("x", &"a".repeat(HEADER_BYTES)), 0, 1, "8193 bytes"),
            (vec![("x".to_owned(), String::new()); HEADERS + 1], 0, 1, "33 headers"),
            (Vec::new(), BODY_BYTES + 1, 1, "65537 bytes"),
            (Vec::new(), 0, 0, "timeout-ms is 0"),
            (Vec::new(), 0, 10_001, "timeout-ms is 10001"),
        ];
        for (headers, body, timeout, why) in wrong {
            let reason = check(url, &headers, &vec![0; body], timeout).expect_err(why);
            assert!(reason.contains(why), "{reason}");
        }
    }
}
