//! A real `guildhall` process under a simulation: for the demonstration, the benchmarks and the tests. It looks at a
//! pod only from outside: its endpoints, its files, and what the operating system says of it.

mod address;
mod fleet;
mod guild_files;
mod https;
mod litestream;
mod nginx;
mod node;
mod oci_registry;
mod plugins;
mod pod;
mod postgres;
mod process;
mod proxy;
mod replicas;
mod s3;
mod visitor;

pub use fleet::{Fleet, FleetOptions, Links};
pub use guild_files::{GuildFiles, Tally};
pub use https::HttpsServer;
pub use node::NodeProject;
pub use oci_registry::{OciRegistry, REGISTRY_PASSWORD, REGISTRY_USER};
pub use plugins::{SUITE, built_plugin, target_directory};
pub use pod::{Pod, PodOptions};
pub use postgres::Postgres;
pub use process::ProcessFigures;
pub use proxy::{Flow, Proxy};
pub use replicas::Replicas;
pub use s3::{S3Server, SECRET_KEY};
pub use visitor::{Asked, Visitor};
