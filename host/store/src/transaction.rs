//! The transaction of a batch, and the call inside it that can be undone alone.

use crate::authorizer::{PluginAccess, Principal};
use crate::error::StoreError;
use crate::open::GuildStore;
use crate::{gap, timer};
use guildhall_model::{SessionPosition, UnixMilliseconds};
use std::sync::Arc;
use std::time::Instant;

/// What undoing a failed call undoes.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum Undo {
    /// That call: every call that writes stands behind a savepoint of its own.
    #[default]
    Call,
    /// The whole batch, which then has to run again: cheaper while no call fails.
    Batch,
}

/// How far the running call has come.
#[derive(Debug, Default)]
pub(crate) struct CallState {
    pub(crate) access: Option<Arc<PluginAccess>>,
    /// Whether the call has written.
    pub(crate) wrote: bool,
    /// Why SQLite gave the whole transaction up during the call.
    pub(crate) lost: Option<String>,
}

impl GuildStore {
    /// Opens the transaction of a batch.
    pub fn begin(&mut self, undo: Undo) -> Result<(), StoreError> {
        self.undo = undo;
        self.run("BEGIN IMMEDIATE")
    }

    /// Whether the event at this position was applied: then it is a replay.
    pub fn is_applied(&self, position: &SessionPosition) -> bool {
        self.cursor.covers(position)
    }

    /// Advances the cursor to this position when the batch commits.
    pub fn advance(&mut self, position: &SessionPosition) {
        self.cursor.advance(position);
    }

    /// Writes the cursor and commits rows, actions and cursor together. After an error nothing of the batch is there.
    pub fn commit(&mut self, now: UnixMilliseconds) -> Result<(), StoreError> {
        let written = self
            .cursor
            .write(&self.connection, now)
            .map_err(|source| self.failed(source));
        if let Err(error) = written.and_then(|()| self.run("COMMIT")) {
            self.roll_back();
            return Err(error);
        }
        self.cursor.committed(now);
        self.take_up_settings();
        if std::mem::take(&mut self.timers_changed) {
            self.next_timer = timer::next_due(&self.connection).map_err(|source| self.failed(source))?;
        }
        if std::mem::take(&mut self.gaps_changed) {
            self.has_gaps = gap::any(&self.connection).map_err(|source| self.failed(source))?;
        }
        Ok(())
    }

    /// Undoes the batch. Cannot fail in a way that leaves it half done: SQLite has given up what it does not undo.
    pub fn roll_back(&mut self) {
        self.leave_call();
        if !self.connection.is_autocommit()
            && let Err(error) = self.run("ROLLBACK")
        {
            tracing::error!(guild = %self.guild, %error, "a transaction cannot be rolled back");
        }
        self.cursor.rolled_back();
        self.changed_settings.clear();
        self.timers_changed = false;
    }

    /// From here on, `query` and `execute` run for this plugin.
    pub fn begin_call(&mut self, access: &Arc<PluginAccess>) {
        self.authority.act_for(Principal::Plugin(access.clone()));
        self.call = CallState {
            access: Some(access.clone()),
            wrote: false,
            lost: None,
        };
    }

    /// No SQL of the running call goes on past this moment.
    pub fn set_deadline(&mut self, deadline: Option<Instant>) {
        self.deadline.set(deadline);
    }

    /// Ends the call: keeps its rows or undoes them. [`StoreError::TransactionLost`] says that the whole batch is to be
    /// rolled back and run again: this call made SQLite give it up, or is undone only so.
    pub fn end_call(&mut self, keep: bool) -> Result<(), StoreError> {
        let CallState { wrote, lost, .. } = self.leave_call();
        if let Some(reason) = lost {
            return Err(StoreError::TransactionLost {
                guild: self.guild,
                reason,
            });
        }
        match (wrote, keep, self.undo) {
            (false, ..) | (true, true, Undo::Batch) => Ok(()),
            (true, false, Undo::Batch) => {
                let reason = "a call failed, and is undone with its batch".into();
                Err(StoreError::TransactionLost {
                    guild: self.guild,
                    reason,
                })
            }
            (true, true, Undo::Call) => self.run("RELEASE guildhall_call"),
            (true, false, Undo::Call) => self
                .run("ROLLBACK TO guildhall_call")
                .and_then(|()| self.run("RELEASE guildhall_call")),
        }
    }

    fn leave_call(&mut self) -> CallState {
        self.authority.act_for(Principal::Host);
        self.deadline.set(None);
        std::mem::take(&mut self.call)
    }

    /// Runs a statement of the host's that answers nothing.
    pub(crate) fn run(&self, sql: &str) -> Result<(), StoreError> {
        self.connection
            .prepare_cached(sql)
            .and_then(|mut statement| statement.execute([]))
            .map(drop)
            .map_err(|source| self.failed(source))
    }
}
