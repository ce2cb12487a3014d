//! What can go wrong between here and a registry. Every message says what to do; nothing was installed or pushed by any
//! of them.

/// Why a component was not fetched or pushed.
#[derive(Debug, thiserror::Error)]
pub enum DistributionError {
    /// The text names no artifact.
    #[error("{text:?} names no artifact ({reason}); write oci://HOST/REPOSITORY:TAG, or with @sha256:… at its end")]
    Reference {
        /// What was given.
        text: String,
        /// What is wrong with it.
        reason: String,
    },
    /// Credentials are configured, but not usable.
    #[error("the credentials for {registry} cannot be used: {reason}")]
    Credentials {
        /// The registry's host.
        registry: String,
        /// What happened.
        reason: String,
    },
    /// Nobody answers.
    #[error("the registry {registry} cannot be reached: {reason}")]
    Unreachable {
        /// The registry's host.
        registry: String,
        /// What happened.
        reason: String,
    },
    /// Who asks may not.
    #[error(
        "the registry {registry} refuses access to {repository}: set GUILDHALL_REGISTRY_USER and \
         GUILDHALL_REGISTRY_PASSWORD, or sign in with `docker login {registry}`"
    )]
    Refused {
        /// The registry's host.
        registry: String,
        /// The repository.
        repository: String,
    },
    /// There is no such thing.
    #[error("{0} is not there; look at the tag's spelling, or push it first")]
    NotFound(String),
    /// It is something else.
    #[error("{reference} is not a WebAssembly component: {reason}; push one with `guildhall plugin push`")]
    NotAComponent {
        /// What was asked for.
        reference: String,
        /// What was found.
        reason: String,
    },
    /// It is too much.
    #[error("{reference} has {bytes} bytes, and at most {} are taken", crate::LARGEST_COMPONENT)]
    TooLarge {
        /// What was asked for.
        reference: String,
        /// What it has, or says that it has.
        bytes: u64,
    },
    /// It is not what its digest says.
    #[error(
        "{reference}: {what} is not what was asked for: its digest is {found}, not {wanted}; nothing of it is used"
    )]
    Digest {
        /// What was asked for.
        reference: String,
        /// The manifest or the component.
        what: &'static str,
        /// What it should be.
        wanted: String,
        /// What it is.
        found: String,
    },
    /// Anything else, in the registry's words.
    #[error("the registry {registry} does not do what it should: {reason}")]
    Registry {
        /// The registry's host.
        registry: String,
        /// What happened.
        reason: String,
    },
}
