//! Bytes of a request or an answer in JSON: as text where they are text, which people can read in an outbox; in Base64
//! where they are not.

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use std::borrow::Cow;

#[derive(Serialize, Deserialize)]
#[serde(untagged)]
enum Body<'body> {
    Text(Cow<'body, str>),
    Bytes { base64: String },
}

pub(crate) fn serialize<S: Serializer>(body: &[u8], serializer: S) -> Result<S::Ok, S::Error> {
    let body = match std::str::from_utf8(body) {
        Ok(text) => Body::Text(text.into()),
        Err(_) => Body::Bytes {
            base64: BASE64_STANDARD.encode(body),
        },
    };
    body.serialize(serializer)
}

pub(crate) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<u8>, D::Error> {
    match Body::deserialize(deserializer)? {
        Body::Text(text) => Ok(text.into_owned().into_bytes()),
        Body::Bytes { base64 } => BASE64_STANDARD.decode(base64).map_err(de::Error::custom),
    }
}

#[cfg(test)]
mod tests {
    use crate::HttpResponse;

    #[test]
    fn any_bytes_come_back() {
        for body in [&b""[..], b"{\"a\": 1}", "\u{1f44d}".as_bytes(), b"\xff\x00\xfe"] {
            let response = HttpResponse {
                body: body.to_owned(),
                ..HttpResponse::default()
            };
            let json = serde_json::to_string(&response).expect("JSON");
            let back: HttpResponse = serde_json::from_str(&json).expect("what was written");
            assert_eq!(back, response, "{json}");
        }
    }
}
