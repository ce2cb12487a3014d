//! Who is signed in: an encrypted and authenticated cookie, so that any HTTP pod can serve anybody. Every change that a
//! browser asks for must carry the session's own token, which no other site can know.

use axum::http::{HeaderMap, header};
use axum_extra::extract::PrivateCookieJar;
use axum_extra::extract::cookie::{Cookie, Key, SameSite};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use std::fmt;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use subtle::ConstantTimeEq;

/// The header that carries the token where there is no form.
pub(crate) const CSRF: &str = "x-csrf-token";
/// The session's cookie.
const SESSION: &str = "guildhall-session";
/// Shorter secrets can be guessed.
const SHORTEST: usize = 32;

/// What cookies are sealed with: with the first, and opened with any.
#[derive(Clone)]
pub struct SessionKeys(Arc<[Key]>);

impl fmt::Debug for SessionKeys {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("SessionKeys(…)")
    }
}

impl SessionKeys {
    /// Reads secrets, one a line or separated by commas; none where there is none, or one is too short.
    pub fn parse(text: &str) -> Option<Self> {
        let secrets: Vec<&str> = text
            .split([',', '\n'])
            .map(str::trim)
            .filter(|secret| !secret.is_empty())
            .collect();
        if secrets.is_empty() || secrets.iter().any(|secret| secret.len() < SHORTEST) {
            return None;
        }
        Some(Self(
            secrets
                .into_iter()
                .map(|secret| Key::derive_from(secret.as_bytes()))
                .collect(),
        ))
    }

    /// Seals a value into a cookie.
    pub(crate) fn seal<T: Serialize>(&self, name: &'static str, value: &T, lasts: Duration, secure: bool) -> Sealed {
        // Plain data of ours.
        let json = serde_json::to_string(value).unwrap_or_default();
        let cookie = Cookie::build((name, json))
            .path("/")
            .http_only(true)
            .secure(secure)
            .same_site(SameSite::Lax)
            .max_age(lasts.try_into().unwrap_or_default());
        PrivateCookieJar::new(self.0[0].clone()).add(cookie)
    }

    /// Takes a cookie back.
    pub(crate) fn remove(&self, name: &'static str) -> Sealed {
        PrivateCookieJar::new(self.0[0].clone()).add(Cookie::build((name, "")).path("/").max_age(Default::default()))
    }

    /// Opens a cookie that one of the keys has sealed.
    pub(crate) fn open<T: DeserializeOwned>(&self, name: &str, headers: &HeaderMap) -> Option<T> {
        self.0.iter().find_map(|key| {
            let cookie = PrivateCookieJar::from_headers(headers, key.clone()).get(name)?;
            serde_json::from_str(cookie.value()).ok()
        })
    }
}

/// Cookies of an answer.
pub(crate) type Sealed = PrivateCookieJar;

/// Somebody who has signed in.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub(crate) struct Session {
    /// Their id at Discord.
    pub(crate) user: String,
    /// Their name.
    pub(crate) name: String,
    /// What Discord lets us ask in their name with.
    pub(crate) token: String,
    /// Seconds since 1970.
    pub(crate) ends_at: u64,
    /// What changes must carry.
    pub(crate) csrf: String,
}

impl Session {
    /// Whose session the request has; none for none, a forged one, or one that has ended.
    pub(crate) fn of(headers: &HeaderMap, keys: &SessionKeys) -> Option<Self> {
        keys.open::<Self>(SESSION, headers)
            .filter(|session| session.ends_at > unix_seconds())
    }

    /// The cookie that carries it.
    pub(crate) fn sealed(&self, keys: &SessionKeys, secure: bool) -> Sealed {
        let lasts = Duration::from_secs(self.ends_at.saturating_sub(unix_seconds()));
        keys.seal(SESSION, self, lasts, secure)
    }

    /// The answer that ends it.
    pub(crate) fn ended(keys: &SessionKeys) -> Sealed {
        keys.remove(SESSION)
    }

    /// Whether a request without a form was sent by our own pages or with their token, from our own origin.
    pub(crate) fn is_meant(&self, headers: &HeaderMap, origin: &str) -> bool {
        let token = headers.get(CSRF).and_then(|token| token.to_str().ok());
        is_from(headers, origin) && token.is_some_and(|token| self.has_token(token))
    }

    /// Whether this is the session's token.
    pub(crate) fn has_token(&self, token: &str) -> bool {
        self.csrf.as_bytes().ct_eq(token.as_bytes()).into()
    }
}

/// Whether a browser says that the request comes from this origin; programs say nothing.
pub(crate) fn is_from(headers: &HeaderMap, origin: &str) -> bool {
    headers
        .get(header::ORIGIN)
        .is_none_or(|from| from.as_bytes() == origin.as_bytes())
}

/// Now.
pub(crate) fn unix_seconds() -> u64 {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default()
        .as_secs()
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::response::IntoResponse;

    const OLD: &str = "an-old-secret-of-thirty-two-characters";
    const NEW: &str = "a-new-secret-of-thirty-two-characters!";

    fn session(ends_at: u64) -> Session {
        Session {
            user: "1".into(),
            name: "Ada".into(),
            token: "token".into(),
            ends_at,
            csrf: "csrf".into(),
        }
    }

    fn request_with(sealed: Sealed) -> HeaderMap {
        let response = (sealed, ()).into_response();
        let cookie = response.headers()[header::SET_COOKIE].to_str().expect("text");
        let pair = cookie.split(';').next().expect("a pair");
        HeaderMap::from_iter([(header::COOKIE, pair.parse().expect("a header"))])
    }

    #[test]
    fn a_session_is_read_back_also_after_the_keys_were_changed_and_not_when_forged_or_over() {
        let old = SessionKeys::parse(OLD).expect("a key");
        let both = SessionKeys::parse(&format!("{NEW},{OLD}")).expect("two keys");
        let running = session(unix_seconds() + 60);
        let headers = request_with(running.sealed(&old, true));
        assert_eq!(Session::of(&headers, &old), Some(running.clone()));
        assert_eq!(Session::of(&headers, &both), Some(running.clone()));
        let other = SessionKeys::parse(NEW).expect("a key");
        assert_eq!(Session::of(&headers, &other), None, "sealed by nobody we know");
        assert_eq!(Session::of(&request_with(session(1).sealed(&old, true)), &old), None);
        let cookie = headers[header::COOKIE].to_str().expect("text");
        assert!(!cookie.contains("token"), "what Discord trusts us with is not readable");
        assert!(SessionKeys::parse("short").is_none());
    }

    #[test]
    fn a_change_needs_the_token_and_our_own_origin() {
        let session = session(u64::MAX);
        let mut headers = HeaderMap::new();
        assert!(!session.is_meant(&headers, "https://us"));
        headers.insert(CSRF, "csrf".parse().expect("a header"));
        assert!(session.is_meant(&headers, "https://us"));
        headers.insert(header::ORIGIN, "https://them".parse().expect("a header"));
        assert!(!session.is_meant(&headers, "https://us"));
    }
}
