//! Signatures of authors over a component's digest: Ed25519, detached. A signature says who vouches for these bytes, and
//! nothing about what the component does.

use ed25519_dalek::{Signer, SigningKey, VerifyingKey};
use sha2::{Digest, Sha256};
use std::fmt;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::str::FromStr;

/// Signed before the digest, so that no signature of something else can pass for one of these.
const PURPOSE: &[u8] = b"guildhall plugin component sha256\0";

/// What is wrong with a key or a signature.
#[derive(Debug, thiserror::Error)]
pub enum SignatureError {
    /// The text is no public key.
    #[error("{0:?} is no public key: 64 hexadecimal digits, as `guildhall plugin keygen` prints them")]
    PublicKey(String),
    /// The file holds no secret key. What it holds is not told.
    #[error("{} holds no secret key; `guildhall plugin keygen` makes one", .0.display())]
    SecretKey(PathBuf),
    /// The text is no signature.
    #[error("the signature is none of a plugin; `guildhall plugin sign` makes them")]
    Malformed,
    /// The signature is another component's, or was not made with the key that it names.
    #[error("the signature by {0} is not one of this component")]
    Wrong(Box<PublicKey>),
    /// Nobody that is trusted has signed.
    #[error("the component is signed by {0}, whose key is none of those that are trusted")]
    Untrusted(Box<PublicKey>),
    /// The disk.
    #[error("{}: {source}", .path.display())]
    Disk {
        /// The key's file.
        path: PathBuf,
        /// What happened.
        source: std::io::Error,
    },
}

/// Who is trusted.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct PublicKey(VerifyingKey);

impl FromStr for PublicKey {
    type Err = SignatureError;

    fn from_str(text: &str) -> Result<Self, SignatureError> {
        let key = hex::decode(text.trim())
            .ok()
            .and_then(|bytes| VerifyingKey::try_from(bytes.as_slice()).ok());
        key.map(Self)
            .ok_or_else(|| SignatureError::PublicKey(text.trim().to_owned()))
    }
}

impl fmt::Display for PublicKey {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&hex::encode(self.0.as_bytes()))
    }
}

/// Signs. It is never shown, and its file is for its owner only.
pub struct SecretKey(SigningKey);

impl SecretKey {
    /// Makes a key and keeps it in a file that must not exist.
    pub fn generate(path: &Path) -> Result<Self, SignatureError> {
        let key = SigningKey::from_bytes(&rand::random());
        let disk = |source| SignatureError::Disk {
            path: path.to_owned(),
            source,
        };
        let mut options = std::fs::OpenOptions::new();
        options.write(true).create_new(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        let mut file = options.open(path).map_err(disk)?;
        writeln!(file, "{}", hex::encode(key.as_bytes()))
            .and_then(|()| file.sync_all())
            .map_err(disk)?;
        Ok(Self(key))
    }

    /// Reads the key that `generate` kept.
    pub fn read(path: &Path) -> Result<Self, SignatureError> {
        let text = std::fs::read_to_string(path).map_err(|source| SignatureError::Disk {
            path: path.to_owned(),
            source,
        })?;
        hex::decode(text.trim())
            .ok()
            .and_then(|bytes| SigningKey::try_from(bytes.as_slice()).ok())
            .map(Self)
            .ok_or_else(|| SignatureError::SecretKey(path.to_owned()))
    }

    /// Whose signatures it makes.
    pub fn public(&self) -> PublicKey {
        PublicKey(self.0.verifying_key())
    }

    /// Signs a component.
    pub fn sign(&self, wasm: &[u8]) -> Signature {
        Signature {
            by: self.public(),
            signature: self.0.sign(&message(wasm)),
        }
    }
}

/// A signature and who made it: one line of text, in a file beside the component or in the artifact's manifest.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Signature {
    by: PublicKey,
    signature: ed25519_dalek::Signature,
}

impl Signature {
    /// Whether it is of this component, whoever made it.
    pub fn verify(&self, wasm: &[u8]) -> Result<(), SignatureError> {
        self.by
            .0
            .verify_strict(&message(wasm), &self.signature)
            .map_err(|_| SignatureError::Wrong(Box::new(self.by)))
    }

    /// Whether it is of this component, and by one of those that are trusted; answers by whom.
    pub fn check(&self, wasm: &[u8], trusted: &[PublicKey]) -> Result<PublicKey, SignatureError> {
        self.verify(wasm)?;
        if trusted.contains(&self.by) {
            Ok(self.by)
        } else {
            Err(SignatureError::Untrusted(Box::new(self.by)))
        }
    }
}

impl fmt::Display for Signature {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            formatter,
            "ed25519:{}:{}",
            self.by,
            hex::encode(self.signature.to_bytes())
        )
    }
}

impl FromStr for Signature {
    type Err = SignatureError;

    fn from_str(text: &str) -> Result<Self, SignatureError> {
        let parts: Vec<&str> = text.trim().split(':').collect();
        let ["ed25519", by, signature] = parts.as_slice() else {
            return Err(SignatureError::Malformed);
        };
        let bytes = hex::decode(signature).map_err(|_| SignatureError::Malformed)?;
        Ok(Self {
            by: by.parse()?,
            signature: ed25519_dalek::Signature::from_slice(&bytes).map_err(|_| SignatureError::Malformed)?,
        })
    }
}

fn message(wasm: &[u8]) -> Vec<u8> {
    [PURPOSE, Sha256::digest(wasm).as_slice()].concat()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(directory: &Path, name: &str) -> SecretKey {
        SecretKey::generate(&directory.join(name)).expect("a key")
    }

    #[test]
    fn a_signature_holds_for_its_component_and_its_key_alone() {
        let directory = tempfile::tempdir().expect("a directory");
        let (author, other) = (key(directory.path(), "author"), key(directory.path(), "other"));
        let signature: Signature = author
            .sign(b"component")
            .to_string()
            .parse()
            .expect("as it was written");
        assert_eq!(
            signature
                .check(b"component", &[other.public(), author.public()])
                .expect("right"),
            author.public()
        );
        let untrusted = signature
            .check(b"component", &[other.public()])
            .expect_err("not trusted");
        assert!(matches!(untrusted, SignatureError::Untrusted(by) if *by == author.public()));
        let wrong = signature
            .check(b"another one", &[author.public()])
            .expect_err("not its component");
        assert!(matches!(wrong, SignatureError::Wrong(_)));
        // Somebody else's name over the author's signature.
        let text = signature
            .to_string()
            .replace(&author.public().to_string(), &other.public().to_string());
        let forged: Signature = text.parse().expect("well formed");
        assert!(forged.check(b"component", &[other.public()]).is_err());
    }

    #[test]
    fn a_key_is_kept_for_its_owner_and_never_overwritten() {
        let directory = tempfile::tempdir().expect("a directory");
        let path = directory.path().join("author.key");
        let made = SecretKey::generate(&path).expect("a key");
        assert_eq!(SecretKey::read(&path).expect("the key").public(), made.public());
        assert!(SecretKey::generate(&path).is_err());
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            let mode = std::fs::metadata(&path).expect("a file").permissions().mode();
            assert_eq!(mode & 0o077, 0);
        }
        std::fs::write(&path, "secret").expect("written");
        let wrong = SecretKey::read(&path).err().expect("no key").to_string();
        assert!(!wrong.contains("secret\n") && wrong.contains("author.key"), "{wrong}");
    }
}
