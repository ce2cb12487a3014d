//! The shared secret between roles. Several may be valid at once, so that it can be changed without a pause: the first
//! is sent, all are accepted. It is never logged.

use axum::extract::{Request, State};
use axum::http::{StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use std::fmt;
use std::sync::Arc;
use subtle::{Choice, ConstantTimeEq};

/// Shorter ones can be guessed.
const SHORTEST: usize = 16;

/// What authenticates internal requests.
#[derive(Clone)]
pub struct ClusterSecret(Arc<[String]>);

/// Why a secret is no good.
#[derive(Debug, thiserror::Error)]
pub enum SecretError {
    /// There is none.
    #[error("there is no cluster secret: set GUILDHALL_CLUSTER_SECRET, or cluster.secret_file to a file that holds it")]
    Missing,
    /// It can be guessed.
    #[error("a cluster secret has {0} characters; give it at least {SHORTEST}, as from `openssl rand -hex 32`")]
    Short(usize),
}

impl fmt::Debug for ClusterSecret {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("ClusterSecret(…)")
    }
}

impl ClusterSecret {
    /// Reads secrets, one a line or separated by commas: the first is sent, all are accepted.
    pub fn parse(text: &str) -> Result<Self, SecretError> {
        let secrets: Vec<String> = text
            .split([',', '\n'])
            .map(str::trim)
            .filter(|secret| !secret.is_empty())
            .map(str::to_owned)
            .collect();
        if let Some(short) = secrets.iter().find(|secret| secret.len() < SHORTEST) {
            return Err(SecretError::Short(short.len()));
        }
        if secrets.is_empty() {
            return Err(SecretError::Missing);
        }
        Ok(Self(secrets.into()))
    }

    /// The one to send.
    pub fn to_send(&self) -> &str {
        &self.0[0]
    }

    /// Whether a presented one is valid. Takes as long for every wrong one of a length.
    pub fn accepts(&self, presented: &str) -> bool {
        let equal = self.0.iter().fold(Choice::from(0), |found, secret| {
            found | secret.as_bytes().ct_eq(presented.as_bytes())
        });
        equal.into()
    }
}

/// Lets requests with a valid `Authorization: Bearer` header through, and answers 401 to all others.
pub async fn require_secret(State(secret): State<ClusterSecret>, request: Request, next: Next) -> Response {
    let presented = request
        .headers()
        .get(header::AUTHORIZATION)
        .and_then(|value| value.to_str().ok())
        .and_then(|value| value.strip_prefix("Bearer "));
    if presented.is_some_and(|presented| secret.accepts(presented)) {
        next.run(request).await
    } else {
        (StatusCode::UNAUTHORIZED, "this address is for the fleet's own roles\n").into_response()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_can_be_changed_without_a_pause() {
        let secret = ClusterSecret::parse("new-secret-0123456789, old-secret-0123456789\n").expect("two");
        assert_eq!(secret.to_send(), "new-secret-0123456789");
        assert!(secret.accepts("new-secret-0123456789") && secret.accepts("old-secret-0123456789"));
        assert!(!secret.accepts("old-secret-012345678") && !secret.accepts(""));
        assert!(!format!("{secret:?}").contains("secret-"), "it is not logged");
    }

    #[test]
    fn no_secret_or_a_short_one_is_refused() {
        assert!(matches!(ClusterSecret::parse(" \n"), Err(SecretError::Missing)));
        assert!(matches!(ClusterSecret::parse("short"), Err(SecretError::Short(5))));
    }
}
