//! How plugins travel: to and from OCI registries, as Wasm artifacts of one layer, and signed by their authors. The crate
//! runs no component, keeps no file but keys and signatures, and decides about no installation.

mod config;
mod credentials;
mod error;
mod reference;
mod registry;
mod signature;

pub use credentials::Credentials;
pub use error::DistributionError;
pub use reference::ArtifactReference;
pub use registry::{Artifact, Pushed, Registry};
pub use signature::{PublicKey, SecretKey, Signature, SignatureError};

/// Bytes of the largest component that is taken.
pub const LARGEST_COMPONENT: u64 = 128 << 20;
