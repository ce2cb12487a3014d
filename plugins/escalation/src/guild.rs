//! What every step of a vote works with: the running call's guild, its settings, and its rows.

use crate::board::Board;
use crate::settings::Settings;
use crate::storage::Case;
use guildhall_sdk::{Context, Database, Error, Timestamp};

/// The guild of the running call.
pub(crate) struct Guild<'call> {
    pub(crate) context: &'call Context,
    pub(crate) settings: Settings,
    pub(crate) database: Database,
}

impl<'call> Guild<'call> {
    pub(crate) fn of(context: &'call Context) -> Result<Self, Error> {
        let (settings, database) = (context.settings()?, Database::open()?);
        Ok(Self {
            context,
            settings,
            database,
        })
    }

    pub(crate) fn now(&self) -> Timestamp {
        self.context.now()
    }

    /// The vote message as the case stands now.
    pub(crate) fn board<'case>(&self, case: &'case Case) -> Result<Board<'case>, Error> {
        Ok(Board {
            case,
            tally: case.tally(&self.database)?,
            restrict: self.settings.restricted_role(self.context).is_some(),
            now: self.now(),
        })
    }
}
