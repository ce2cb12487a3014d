//! From one SQLite database of a single-process bot, whose tables are keyed by guild, to one file per guild. A mapping says
//! how a row's guild is found and what its table becomes. The old database is only read. Every guild's file is built and
//! checked in a directory of its own before a [`Destination`] puts it in place; what a destination is, is not known here.

mod build;
mod checksum;
mod convert;
mod cursor;
mod mapping;
mod migration;
mod plan;
mod report;
mod source;
mod state;

pub use mapping::{DEFAULT_MAPPING, Mapping, MappingError};
pub use migration::{Destination, MigrateOptions, migrate};
pub use report::{GuildReport, LeftBehind, Outcome, Report, TableReport, WithoutGuild};
