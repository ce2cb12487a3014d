//! Who asks a registry: from the environment, or as `docker login` has noted it. Nothing here is ever written to a log.

use crate::error::DistributionError;
use docker_credential::{CredentialRetrievalError, DockerCredential};
use oci_client::secrets::RegistryAuth;
use std::fmt;

/// What is shown to a registry.
#[derive(Clone)]
pub struct Credentials(RegistryAuth);

impl Credentials {
    /// For this registry: GUILDHALL_REGISTRY_USER and GUILDHALL_REGISTRY_PASSWORD, else what Docker's configuration has,
    /// else none.
    pub fn find(registry: &str) -> Result<Self, DistributionError> {
        let given = |name: &str| std::env::var(name).ok().filter(|value| !value.is_empty());
        if let (Some(user), Some(password)) = (given("GUILDHALL_REGISTRY_USER"), given("GUILDHALL_REGISTRY_PASSWORD")) {
            return Ok(Self(RegistryAuth::Basic(user, password)));
        }
        match docker_credential::get_credential(registry) {
            Ok(DockerCredential::UsernamePassword(user, password)) => Ok(Self(RegistryAuth::Basic(user, password))),
            Ok(DockerCredential::IdentityToken(_)) => Err(DistributionError::Credentials {
                registry: registry.to_owned(),
                reason: "Docker has an identity token, which is not supported; give a user and a password".into(),
            }),
            Err(
                CredentialRetrievalError::ConfigNotFound
                | CredentialRetrievalError::ConfigReadError
                | CredentialRetrievalError::NoCredentialConfigured,
            ) => Ok(Self::none()),
            Err(error) => Err(DistributionError::Credentials {
                registry: registry.to_owned(),
                reason: error.to_string(),
            }),
        }
    }

    /// Nobody in particular.
    pub fn none() -> Self {
        Self(RegistryAuth::Anonymous)
    }

    pub(crate) fn to_send(&self) -> &RegistryAuth {
        &self.0
    }
}

impl fmt::Debug for Credentials {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self.0 {
            RegistryAuth::Anonymous => "Credentials(none)",
            _ => "Credentials(…)",
        })
    }
}
