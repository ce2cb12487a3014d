//! Copies of guilds' files for operators: `guildhall guild export` and `verify`. A copy is made beside the guild's work,
//! which does not wait for it; when the guild is let go, the copy is given up first, as nobody may have a file open that
//! is replaced or moved.

use crate::files::GuildFiles;
use crate::internal::{Internal, epoch};
use axum::body::Body;
use axum::extract::{Path, Query, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::{Router, routing};
use guildhall_fleet::DIGEST;
use guildhall_model::GuildId;
use guildhall_store::{CopyError, copy_file, digest_of};
use serde::Deserialize;
use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::sync::Notify;
use tokio_util::io::ReaderStream;

/// Copies that are made at once: they share the disk with the guilds.
const AT_ONCE: usize = 2;

/// The copies that are being made.
#[derive(Debug, Default)]
pub(crate) struct Copies {
    running: Mutex<HashMap<GuildId, Arc<AtomicBool>>>,
    ended: Notify,
}

/// A copy that is being made; it has ended when this is dropped.
struct Copying {
    copies: Arc<Copies>,
    guild: GuildId,
    given_up: Arc<AtomicBool>,
}

impl Copies {
    fn running(&self) -> MutexGuard<'_, HashMap<GuildId, Arc<AtomicBool>>> {
        self.running.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// None while there are enough.
    fn begin(self: &Arc<Self>, guild: GuildId) -> Option<Copying> {
        let mut running = self.running();
        if running.len() >= AT_ONCE || running.contains_key(&guild) {
            return None;
        }
        let given_up = Arc::<AtomicBool>::default();
        running.insert(guild, given_up.clone());
        Some(Copying {
            copies: self.clone(),
            guild,
            given_up,
        })
    }

    /// Has the guild's copy given up, and waits until its file is closed.
    pub(crate) async fn end(&self, guild: GuildId) {
        loop {
            let ended = self.ended.notified();
            tokio::pin!(ended);
            // Before looking, so that an end between the look and the wait is noticed.
            ended.as_mut().enable();
            match self.running().get(&guild) {
                Some(given_up) => given_up.store(true, Ordering::Relaxed),
                None => return,
            }
            ended.await;
        }
    }
}

impl Drop for Copying {
    fn drop(&mut self) {
        self.copies.running().remove(&self.guild);
        self.copies.ended.notify_waiters();
    }
}

/// The route of a guild's file.
pub(crate) fn routes() -> Router<Internal> {
    Router::new().route("/internal/v1/guilds/{guild}/file", routing::get(file))
}

#[derive(Deserialize)]
struct Which {
    /// Not the guild's file, but the one that was replaced last.
    #[serde(default)]
    replaced: bool,
}

async fn file(
    State(internal): State<Internal>,
    Path(guild): Path<u64>,
    Query(which): Query<Which>,
    headers: HeaderMap,
) -> Response {
    let guild = GuildId(guild);
    let copying = match internal.guard(guild, epoch(&headers)).await {
        Ok(_owned) => internal.files.copies.begin(guild),
        Err(answer) => return *answer,
    };
    let Some(copying) = copying else {
        return (StatusCode::SERVICE_UNAVAILABLE, "other copies are being made\n").into_response();
    };
    let files = internal.files.clone();
    let made = tokio::task::spawn_blocking(move || make(&files, &copying, which.replaced)).await;
    match made.map_err(anyhow::Error::from).and_then(|made| made) {
        Ok(Made::Copy { file, bytes, digest }) => {
            let body = Body::from_stream(ReaderStream::with_capacity(tokio::fs::File::from_std(file), 256 << 10));
            let headers = [(header::CONTENT_LENGTH.as_str(), bytes.to_string()), (DIGEST, digest)];
            (headers, body).into_response()
        }
        Ok(Made::GivenUp) => (StatusCode::SERVICE_UNAVAILABLE, "the guild is on its way\n").into_response(),
        Ok(Made::Nothing) => {
            let answer = format!(
                "no file of guild {guild} was replaced at its owner, pod {:?}\n",
                internal.pod
            );
            (StatusCode::NOT_FOUND, answer).into_response()
        }
        Err(error) => {
            tracing::error!(%guild, error = format!("{error:#}"), "a guild's file cannot be copied");
            let answer = format!(
                "pod {:?} cannot copy the file of guild {guild}: {error:#}\n",
                internal.pod
            );
            (StatusCode::INTERNAL_SERVER_ERROR, answer).into_response()
        }
    }
}

enum Made {
    /// The file has no name any more: it goes when it is closed.
    Copy {
        file: std::fs::File,
        bytes: u64,
        digest: String,
    },
    GivenUp,
    Nothing,
}

fn make(files: &GuildFiles, copying: &Copying, replaced: bool) -> anyhow::Result<Made> {
    let guild = copying.guild;
    let source = match replaced {
        true => files.last_replaced(guild)?,
        false => Some(files.path(guild)),
    };
    let Some(source) = source else {
        return Ok(Made::Nothing);
    };
    let copy = Unnamed(files.copy(guild));
    // One that a crash has left.
    let _ = std::fs::remove_file(&copy.0);
    match copy_file(&source, &copy.0, &copying.given_up) {
        Ok(()) => {}
        Err(CopyError::GivenUp) => return Ok(Made::GivenUp),
        Err(error) => return Err(error.into()),
    }
    let digest = digest_of(&copy.0)?;
    let file = std::fs::File::open(&copy.0)?;
    let bytes = file.metadata()?.len();
    Ok(Made::Copy { file, bytes, digest })
}

/// Takes the copy's name away, whatever comes.
struct Unnamed(PathBuf);

impl Drop for Unnamed {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_copy_is_given_up_before_its_guild_is_let_go() {
        let copies = Arc::new(Copies::default());
        let copying = copies.begin(GuildId(1)).expect("the first");
        assert!(copies.begin(GuildId(1)).is_none(), "one of a guild at a time");
        let given_up = copying.given_up.clone();
        let blocking = tokio::task::spawn_blocking(move || {
            while !copying.given_up.load(Ordering::Relaxed) {
                std::thread::yield_now();
            }
            drop(copying);
        });
        copies.end(GuildId(1)).await;
        assert!(given_up.load(Ordering::Relaxed) && copies.running().is_empty());
        blocking.await.expect("it ends");
        copies.end(GuildId(1)).await;
    }
}
