//! What a delivered file becomes: the guild. One that the owner before has sent carries an epoch and simply moves in. One
//! without an epoch (an import, a restore, a migration) takes the place of a guild that goes on: it takes over where the
//! guild stands with Discord, and what it replaces is kept beside, so that a wrong one can be undone.

use crate::files::GuildFiles;
use anyhow::{Context, Result};
use guildhall_model::GuildId;
use guildhall_store::{GuildStore, copy_file, epoch_of, guild_file};
use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicBool;
use std::time::{SystemTime, UNIX_EPOCH};

/// Replaced files that are kept of a guild.
const KEPT: usize = 2;

impl GuildFiles {
    /// Makes the delivered file the guild. One that takes the place of the guild's own stays until it is forgotten, so
    /// that a crash at any step is followed by the same steps again. Blocks.
    pub(crate) fn accept(&self, guild: GuildId, epoch: i64, delivered: &Path) -> Result<()> {
        let has_epoch = epoch_of(delivered, guild).map_or(true, |epoch| epoch > 0);
        if has_epoch {
            self.remove(guild)?;
            std::fs::rename(delivered, self.path(guild))?;
            return Ok(());
        }
        let path = self.path(guild);
        if epoch > 0 && path.exists() && epoch_of(&path, guild)? == epoch {
            // A crash came between this and the end of the steps.
            return Ok(());
        }
        let staged = self.incoming.join(format!("placed-{guild}"));
        if staged.exists() {
            std::fs::remove_dir_all(&staged)?;
        }
        std::fs::create_dir_all(&staged)?;
        let copy = guild_file(&staged, guild);
        std::fs::copy(delivered, &copy).with_context(|| format!("{} cannot be copied", delivered.display()))?;
        let mut store = GuildStore::open(&staged, guild, &self.limits)?.store;
        if path.exists() {
            let mut replaced = GuildStore::open(&self.guilds, guild, &self.limits)?.store;
            store.take_over(&replaced)?;
            replaced.checkpoint()?;
            drop(replaced);
            self.keep_replaced(guild)?;
        }
        // With its epoch from the first moment: whoever looks for the guild's newest copy must find this one.
        store.set_epoch(epoch)?;
        store.checkpoint()?;
        drop(store);
        std::fs::File::open(&copy)?.sync_all()?;
        std::fs::rename(&copy, path)?;
        std::fs::remove_dir_all(&staged)?;
        tracing::info!(%guild, "a file took the place of the guild's; what it replaced is kept");
        Ok(())
    }

    /// Puts a file in place where no fleet is: nobody else may use these files. The file is ready to be placed. Blocks.
    pub fn place(&self, guild: GuildId, file: &Path) -> Result<()> {
        let delivered = self.delivered(guild, 0);
        let part = delivered.with_extension("part");
        std::fs::copy(file, &part).with_context(|| format!("{} cannot be written", part.display()))?;
        std::fs::File::open(&part)?.sync_all()?;
        std::fs::rename(part, delivered)?;
        self.prepare(guild, 0)
    }

    fn keep_replaced(&self, guild: GuildId) -> Result<()> {
        std::fs::create_dir_all(&self.replaced)?;
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let kept = self.replaced.join(format!("{guild}.{}.db", now.as_millis()));
        let part = kept.with_extension("part");
        let _ = std::fs::remove_file(&part);
        copy_file(&self.path(guild), &part, &AtomicBool::new(false))?;
        std::fs::File::open(&part)?.sync_all()?;
        std::fs::rename(part, kept)?;
        let mut all = self.all_replaced(guild)?;
        all.truncate(all.len().saturating_sub(KEPT));
        Ok(all.into_iter().try_for_each(std::fs::remove_file)?)
    }

    /// The file that was replaced last; none where none was.
    pub fn last_replaced(&self, guild: GuildId) -> Result<Option<PathBuf>> {
        Ok(self.all_replaced(guild)?.pop())
    }

    fn all_replaced(&self, guild: GuildId) -> Result<Vec<PathBuf>> {
        let mut found = Vec::new();
        let entries = match std::fs::read_dir(&self.replaced) {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(found),
            entries => entries?,
        };
        for entry in entries {
            let entry = entry?;
            let name = entry.file_name();
            let name = name.to_string_lossy();
            // Times of today have as many digits as those of the next 200 years, so names sort by time.
            if name.starts_with(&format!("{guild}.")) && name.ends_with(".db") {
                found.push(entry.path());
            }
        }
        found.sort();
        Ok(found)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use guildhall_store::{StoreLimits, WaitingActions, ready_to_place};

    const GUILD: GuildId = GuildId(7);

    fn open(directory: &Path) -> Box<GuildStore> {
        GuildStore::open(directory, GUILD, &StoreLimits::default())
            .expect("it opens")
            .store
    }

    /// A file with one mark, ready to be placed.
    fn ready(directory: &Path, mark: &str) -> PathBuf {
        let mut store = open(directory);
        store.set_settings(mark, "{}").expect("it is kept");
        drop(store);
        ready_to_place(directory, GUILD, &StoreLimits::default(), WaitingActions::Send).expect("it is ready");
        guild_file(directory, GUILD)
    }

    #[test]
    fn what_is_replaced_is_kept_and_can_come_back_and_only_the_last_two_are() {
        let (data, other) = (tempfile::tempdir().expect("one"), tempfile::tempdir().expect("two"));
        let files = GuildFiles::new(data.path(), None, "a", StoreLimits::default()).expect("directories");
        files.prepare(GUILD, 3).expect("a new file");
        let mut store = open(&files.guilds);
        store.set_settings("live", "{}").expect("it is kept");
        store.keep_snapshot("{\"own_user\":1}").expect("it is kept");
        drop(store);

        std::fs::copy(ready(other.path(), "import"), files.delivered(GUILD, 4)).expect("delivered");
        files.prepare(GUILD, 4).expect("it is taken up");
        let store = open(&files.guilds);
        assert!(store.settings("import").is_some() && store.settings("live").is_none());
        assert_eq!(store.epoch().expect("it is read"), 4);
        assert_eq!(
            store.snapshot().expect("it is read").as_deref(),
            Some("{\"own_user\":1}")
        );
        drop(store);

        let back = tempfile::tempdir().expect("three");
        let replaced = files.last_replaced(GUILD).expect("it is read").expect("it was kept");
        std::fs::copy(replaced, guild_file(back.path(), GUILD)).expect("copied");
        ready_to_place(back.path(), GUILD, &StoreLimits::default(), WaitingActions::LeaveOut).expect("it is ready");
        for epoch in 5..8 {
            std::fs::copy(guild_file(back.path(), GUILD), files.delivered(GUILD, epoch)).expect("delivered");
            files.prepare(GUILD, epoch).expect("it is taken up");
        }
        assert!(open(&files.guilds).settings("live").is_some());
        assert_eq!(files.all_replaced(GUILD).expect("they are read").len(), KEPT);
    }

    #[test]
    fn a_file_that_was_delivered_but_never_put_in_place_is_not_the_guild() {
        let (data, other) = (tempfile::tempdir().expect("one"), tempfile::tempdir().expect("two"));
        let files = GuildFiles::new(data.path(), None, "a", StoreLimits::default()).expect("directories");
        files.prepare(GUILD, 3).expect("a new file");
        open(&files.guilds).set_settings("live", "{}").expect("it is kept");
        std::fs::copy(ready(other.path(), "import"), files.delivered(GUILD, 4)).expect("delivered");
        // Another epoch began than the one that it was for.
        files.prepare(GUILD, 5).expect("it is taken up");
        assert!(open(&files.guilds).settings("live").is_some());
    }
}
