//! HTTP requests that plugins ask for: over HTTPS, to hosts that the plugin was granted, at public addresses, within
//! bounds of size and time.
//!
//! What a name resolves to is looked at here, and the connection goes to the very address that was looked at, so a name
//! that answers otherwise the next time gains nothing. Redirects are answers like others; nothing follows them, retries,
//! or keeps cookies.

mod address;
mod connect;
mod requests;

pub use address::is_public;
pub use connect::NotPublic;
pub use requests::{Failure, Outbound, OutboundConfig, Request, SetupError};
