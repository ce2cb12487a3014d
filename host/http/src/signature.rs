//! Discord's signature on an interaction: Ed25519 over the timestamp and the body as they were sent (Interactions
//! Overview, Setting Up an Endpoint).

use axum::http::HeaderMap;
use ed25519_dalek::{Signature, VerifyingKey};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// A body that was signed longer ago is a replay; also one from so far ahead.
const FRESH: Duration = Duration::from_secs(300);

/// The application's public key.
#[derive(Clone, Debug)]
pub struct PublicKey(VerifyingKey);

/// Why a signature is no good.
#[derive(Debug, Eq, PartialEq, thiserror::Error)]
pub enum SignatureError {
    /// The configured key is none.
    #[error("{0:?} is not an Ed25519 public key of 64 hexadecimal digits; copy it from the application's page")]
    Key(String),
    /// A header is missing or cannot be read.
    #[error("the header {0} is missing or not readable")]
    Header(&'static str),
    /// Signed too long ago, or in the future.
    #[error("the request was signed at another time: it is a replay, or a clock is wrong")]
    Stale,
    /// Not signed by Discord for this application.
    #[error("the signature is not Discord's for this body")]
    Forged,
}

impl PublicKey {
    /// Reads the key as Discord shows it.
    pub fn parse(hexadecimal: &str) -> Result<Self, SignatureError> {
        let wrong = || SignatureError::Key(hexadecimal.to_owned());
        let mut bytes = [0; 32];
        hex::decode_to_slice(hexadecimal.trim(), &mut bytes).map_err(|_| wrong())?;
        VerifyingKey::from_bytes(&bytes).map(Self).map_err(|_| wrong())
    }

    /// Whether Discord signed this body, just now.
    pub(crate) fn verify(&self, headers: &HeaderMap, body: &[u8], now: SystemTime) -> Result<(), SignatureError> {
        const SIGNATURE: &str = "x-signature-ed25519";
        const TIMESTAMP: &str = "x-signature-timestamp";
        let header = |name: &'static str| {
            let value = headers.get(name).and_then(|value| value.to_str().ok());
            value.ok_or(SignatureError::Header(name))
        };
        let (signature, timestamp) = (header(SIGNATURE)?, header(TIMESTAMP)?);
        let mut bytes = [0; 64];
        hex::decode_to_slice(signature, &mut bytes).map_err(|_| SignatureError::Header(SIGNATURE))?;
        let signed_at: u64 = timestamp.parse().map_err(|_| SignatureError::Header(TIMESTAMP))?;
        let message = [timestamp.as_bytes(), body].concat();
        self.0
            .verify_strict(&message, &Signature::from_bytes(&bytes))
            .map_err(|_| SignatureError::Forged)?;
        let now = now.duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
        if now.abs_diff(signed_at) > FRESH.as_secs() {
            return Err(SignatureError::Stale);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ed25519_dalek::{Signer, SigningKey};

    fn signed(key: &SigningKey, timestamp: &str, body: &str) -> HeaderMap {
        let signature = key.sign(format!("{timestamp}{body}").as_bytes());
        let mut headers = HeaderMap::new();
        let signature = hex::encode(signature.to_bytes());
        headers.insert("x-signature-ed25519", signature.parse().expect("hexadecimal"));
        headers.insert("x-signature-timestamp", timestamp.parse().expect("digits"));
        headers
    }

    #[test]
    fn only_fresh_bodies_that_discord_signed_are_taken() {
        let key = SigningKey::from_bytes(&[7; 32]);
        let public = PublicKey::parse(&hex::encode(key.verifying_key())).expect("a key");
        let now = UNIX_EPOCH + Duration::from_secs(1_700_000_000);
        let verify = |headers: &HeaderMap, body: &str| public.verify(headers, body.as_bytes(), now);
        let right = signed(&key, "1700000000", "body");
        assert_eq!(verify(&right, "body"), Ok(()));
        assert_eq!(verify(&right, "bodY"), Err(SignatureError::Forged));
        assert_eq!(
            verify(&signed(&key, "1699999000", "body"), "body"),
            Err(SignatureError::Stale)
        );
        let other = SigningKey::from_bytes(&[8; 32]);
        assert_eq!(
            verify(&signed(&other, "1700000000", "body"), "body"),
            Err(SignatureError::Forged)
        );
        assert_eq!(
            verify(&HeaderMap::new(), "body"),
            Err(SignatureError::Header("x-signature-ed25519"))
        );
        assert!(PublicKey::parse("abc").is_err());
    }
}
