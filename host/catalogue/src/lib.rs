//! Which plugins an operator has installed: versions, what each was granted, where it is enabled, and its settings. All of
//! it is `catalogue.json` in the plugins directory, with the components beside it under their digests; what the host
//! learns of a new version is in `plugin-rollouts.json` in the data directory.
//!
//! The crate runs no component and asks no network: what a component wants comes in as its description. It grants
//! nothing by itself.

mod catalogue;
mod digest;
mod directory;
mod error;
mod file;
mod grant;
mod guilds;
mod rollouts;
mod settings;

pub use catalogue::{Catalogue, FORMAT, Installed, InstalledVersion, KEPT_VERSIONS, SignedBy, Source};
pub use digest::Digest;
pub use directory::{CatalogueDirectory, Change};
pub use error::CatalogueError;
pub use grant::{Grant, Right, UnknownRight};
pub use guilds::Guilds;
pub use rollouts::{CallFigures, Outcome, Rollout, RolloutStep, Rollouts, VersionName};
pub use settings::{place_setting, settings_complaints};
