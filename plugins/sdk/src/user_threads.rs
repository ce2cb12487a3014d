//! One thread per user in a log channel: made when first needed, found again later, opened again when it was archived, made
//! anew when it was deleted. What is to stand in it waits in the guild's database until Discord has it, so that nothing
//! is lost and nothing comes twice. It never notifies anybody, and shows no previews of links.

mod token;

use crate::post::{Person, Post, Posted};
use crate::{Action, ActionResult, Context, Database, Error, Id, MessageBody, Outcome, Refusal, TextFile, Timestamp};
use crate::{cut, cut_characters, params};

/// Discord: the thread or channel is not there any more.
const UNKNOWN_CHANNEL: u32 = 10_003;
/// Discord: the bot was removed from a private thread.
const MISSING_ACCESS: u32 = 50_001;
/// Discord: the thread is archived.
const ARCHIVED: u32 = 50_083;
/// Discord: the thread is locked.
const LOCKED: u32 = 160_005;
/// Discord: the guild has as many active threads as it may.
const TOO_MANY_THREADS: u32 = 160_006;
/// How often a post is tried.
const TRIES: u64 = 5;
/// A thread whose making nobody heard of for so long is made once more.
const PATIENCE: Timestamp = 5 * 60 * 1000;
/// A guild may have 1000 active threads; a post opens an archived one again.
const QUIET_MINUTES: u16 = 1440;
/// Posts that a result sends of those that waited, and their bytes: a call's actions are bounded.
const SENT_AT_ONCE: u32 = 20;
const BYTES_AT_ONCE: usize = 100 << 10;
/// Discord's message flag SUPPRESS_EMBEDS: a scam's link shows nothing in the log.
const SUPPRESS_EMBEDS: u32 = 1 << 2;

/// The threads of one plugin. Its tables are `PREFIX_threads` and `PREFIX_posts`, its tokens begin with `PREFIX:`. The
/// plugin hands every action result to [`result`](UserThreads::result), and wants the capabilities to send messages and
/// to create threads.
#[derive(Clone, Copy, Debug)]
pub struct UserThreads {
    /// The plugin's id with hyphens as underscores.
    pub prefix: &'static str,
}

impl UserThreads {
    /// The step of the plugin's schema that makes the tables.
    pub fn migration(prefix: &str) -> String {
        // Threads: while one is being made it is NULL; `channel` is 0 where none could be, and only the name is known.
        // Posts: `sent_to` is where one is under way to, `after` the post that it replies to and waits for.
        format!(
            "CREATE TABLE {prefix}_threads (
                 user INTEGER PRIMARY KEY, name TEXT NOT NULL, thread INTEGER, channel INTEGER NOT NULL,
                 created_at INTEGER NOT NULL
             ) WITHOUT ROWID;
             CREATE INDEX {prefix}_threads_thread ON {prefix}_threads (thread);
             CREATE TABLE {prefix}_posts (
                 id INTEGER PRIMARY KEY AUTOINCREMENT, user INTEGER NOT NULL, key TEXT NOT NULL, post TEXT NOT NULL,
                 reply_to INTEGER, after INTEGER, sent_to INTEGER, tries INTEGER NOT NULL DEFAULT 0
             );
             CREATE INDEX {prefix}_posts_user ON {prefix}_posts (user);
             CREATE INDEX {prefix}_posts_after ON {prefix}_posts (after) WHERE after IS NOT NULL"
        )
    }

    /// The user's thread, where there is one.
    pub fn thread_of(&self, database: &Database, user: Id) -> Result<Option<Id>, Error> {
        Ok(self.place(database, user)?.and_then(|place| place.thread))
    }

    /// Whose thread it is.
    pub fn user_of(&self, database: &Database, thread: Id) -> Result<Option<Id>, Error> {
        let sql = format!("SELECT user FROM {}_threads WHERE thread = ?1", self.prefix);
        let row: Option<(Id,)> = database.query_first(&sql, params![thread])?;
        Ok(row.map(|(user,)| user))
    }

    /// The user, with the name that the thread was made with; empty where there is no thread.
    pub fn person(&self, database: &Database, user: Id) -> Result<Person, Error> {
        let name = self.place(database, user)?.map(|place| place.name).unwrap_or_default();
        Ok(Person { id: user, name })
    }

    /// Whether a post with this key is on its way into the user's thread.
    pub fn is_under_way(&self, database: &Database, user: Id, key: &str) -> Result<bool, Error> {
        Ok(self.waiting_post(database, user, key)?.is_some())
    }

    /// Puts a post into the user's thread below this channel, and makes the thread first where there is none.
    pub fn post(
        &self,
        context: &Context,
        database: &Database,
        channel: Id,
        user: &Person,
        post: &Post,
    ) -> Result<(), Error> {
        let prefix = self.prefix;
        if post.content.trim().is_empty() && post.components.is_empty() && post.files.is_empty() {
            context.warn(&format!("an empty entry about user {} was left out", user.id));
            return Ok(());
        }
        let text = serde_json::to_string(post).map_err(|error| Error::Invalid(error.to_string()))?;
        let after = match post.follows.as_str() {
            "" => None,
            key => self.waiting_post(database, user.id, key)?,
        };
        database.execute(
            &format!("INSERT INTO {prefix}_posts (user, key, post, reply_to, after) VALUES (?1, ?2, ?3, ?4, ?5)"),
            params![user.id, &post.key, text, post.reply_to, after],
        )?;
        let place = self.place(database, user.id)?;
        match place.filter(|place| place.channel == channel) {
            Some(Place {
                thread: Some(thread), ..
            }) => self.send_waiting(context, database, user.id, thread, 1),
            // It is being made.
            Some(place) if context.now() < place.asked_at + PATIENCE => Ok(()),
            // None yet, or the log has moved to another channel.
            _ => self.make(context, database, channel, user),
        }
    }

    /// Takes up what came of making threads and posting in them. Answers the post that stands there now.
    pub fn result(
        &self,
        context: &Context,
        database: &Database,
        result: &ActionResult,
    ) -> Result<Option<Posted>, Error> {
        let Some((verb, first, second)) = token::parts(self.prefix, &result.token) else {
            return Ok(None);
        };
        match verb {
            "thread" => self.made(context, database, first, &result.outcome).map(|()| None),
            "open" => self
                .opened(context, database, first, second, &result.outcome)
                .map(|()| None),
            "post" => self.posted(context, database, first, second, &result.outcome),
            _ => Ok(None),
        }
    }

    fn place(&self, database: &Database, user: Id) -> Result<Option<Place>, Error> {
        let sql = format!(
            "SELECT thread, channel, created_at, name FROM {}_threads WHERE user = ?1",
            self.prefix
        );
        let row: Option<(Option<Id>, Id, Timestamp, String)> = database.query_first(&sql, params![user])?;
        Ok(row.map(|(thread, channel, asked_at, name)| Place {
            thread,
            channel,
            asked_at,
            name,
        }))
    }

    fn waiting_post(&self, database: &Database, user: Id, key: &str) -> Result<Option<u64>, Error> {
        let sql = format!(
            "SELECT id FROM {}_posts WHERE user = ?1 AND key = ?2 ORDER BY id DESC LIMIT 1",
            self.prefix
        );
        let row: Option<(u64,)> = database.query_first(&sql, params![user, key])?;
        Ok(row.map(|(id,)| id))
    }

    fn make(&self, context: &Context, database: &Database, channel: Id, user: &Person) -> Result<(), Error> {
        let prefix = self.prefix;
        // Reports of people who have left may come without a name; the one that is known stays.
        database.execute(
            &format!(
                "INSERT INTO {prefix}_threads (user, name, thread, channel, created_at) VALUES (?1, ?2, NULL, ?3, ?4)
                 ON CONFLICT (user) DO UPDATE SET
                     name = CASE ?2 WHEN '' THEN name ELSE ?2 END, thread = NULL, channel = ?3, created_at = ?4"
            ),
            params![user.id, &user.name, channel, context.now()],
        )?;
        let name = match user.name.trim() {
            "" => "user",
            name => name,
        };
        Action::create_thread(channel, format!("{} ({})", cut(name, 70), user.id), true)
            .archived_after(QUIET_MINUTES)
            .token(format!("{prefix}:thread:{}", user.id))
            .submit()
    }

    /// Sends what waits for the user's thread, in its order. The rest follows when that stands there.
    fn send_waiting(
        &self,
        context: &Context,
        database: &Database,
        user: Id,
        place: Id,
        most: u32,
    ) -> Result<(), Error> {
        let prefix = self.prefix;
        let sql = format!(
            "SELECT id, post, reply_to FROM {prefix}_posts WHERE user = ?1 AND sent_to IS NULL AND after IS NULL
             ORDER BY id LIMIT ?2"
        );
        let mut bytes = 0;
        for (id, text, reply_to) in database.query::<(u64, String, Option<Id>)>(&sql, params![user, most])? {
            bytes += text.len();
            if bytes > BYTES_AT_ONCE && bytes > text.len() {
                break;
            }
            let Some(post) = read(context, &text) else {
                self.settle(database, id, None)?;
                continue;
            };
            database.execute(
                &format!("UPDATE {prefix}_posts SET sent_to = ?2 WHERE id = ?1"),
                params![id, place],
            )?;
            let files = post.files.into_iter().map(|(name, text)| TextFile { name, text });
            let body = MessageBody {
                components: post.components,
                reply_to,
                flags: SUPPRESS_EMBEDS,
                files: files.collect(),
                content: Some(cut_characters(&post.content, 2000)).filter(|content| !content.is_empty()),
                ..Action::body("")
            };
            Action::send(place, body)
                .token(format!("{prefix}:post:{id}:{place}"))
                .submit()?;
        }
        Ok(())
    }

    fn made(&self, context: &Context, database: &Database, user: Id, outcome: &Outcome) -> Result<(), Error> {
        let prefix = self.prefix;
        let Some(channel) = self.place(database, user)?.and_then(|place| place.being_made_in()) else {
            return Ok(());
        };
        let place = match outcome {
            Outcome::Channel(thread) => {
                let sql = format!("UPDATE {prefix}_threads SET thread = ?2 WHERE user = ?1");
                database.execute(&sql, params![user, thread.id])?;
                thread.id
            }
            refused => {
                context.warn(&format!(
                    "no thread can be made in channel {channel}, its entries go into the channel itself: {}",
                    words(refused)
                ));
                let sql = format!("UPDATE {prefix}_threads SET channel = 0 WHERE user = ?1");
                database.execute(&sql, params![user])?;
                channel
            }
        };
        self.send_waiting(context, database, user, place, SENT_AT_ONCE)
    }

    /// An archived thread was opened again, or cannot be.
    fn opened(
        &self,
        context: &Context,
        database: &Database,
        user: Id,
        thread: Id,
        outcome: &Outcome,
    ) -> Result<(), Error> {
        let Some(place) = self.place(database, user)?.filter(|place| place.thread == Some(thread)) else {
            return Ok(());
        };
        if let Outcome::Refused(_) = outcome {
            context.warn(&format!(
                "thread {thread} cannot be opened again, another is made: {}",
                words(outcome)
            ));
            return self.make(context, database, place.channel, &place.person(user));
        }
        self.send_waiting(context, database, user, thread, SENT_AT_ONCE)
    }

    fn posted(
        &self,
        context: &Context,
        database: &Database,
        id: u64,
        sent_to: Id,
        outcome: &Outcome,
    ) -> Result<Option<Posted>, Error> {
        let prefix = self.prefix;
        let sql = format!("SELECT user, post, tries FROM {prefix}_posts WHERE id = ?1 AND sent_to = ?2");
        let Some((user, text, tries)) = database.query_first::<(Id, String, u64)>(&sql, params![id, sent_to])? else {
            return Ok(None);
        };
        if let Outcome::Refused(Refusal { code, .. }) = outcome
            && tries < TRIES
            && self.retry(context, database, (id, user, sent_to), *code)?
        {
            return Ok(None);
        }
        let message = match outcome {
            Outcome::Message(message) => Some(message.id),
            _ => None,
        };
        self.settle(database, id, message)?;
        let place = self.place(database, user)?;
        if place.as_ref().and_then(Place::being_made_in).is_none() {
            let next = place.and_then(|place| place.thread).unwrap_or(sent_to);
            self.send_waiting(context, database, user, next, SENT_AT_ONCE)?;
        }
        let Some(message) = message else {
            context.warn(&format!(
                "an entry about user {user} was not posted: {}",
                words(outcome)
            ));
            return Ok(None);
        };
        Ok(read(context, &text).map(|post| Posted {
            user,
            thread: sent_to,
            message,
            post,
        }))
    }

    /// Lets a refused post wait, and does what lets it stand there after all. False where nothing will.
    fn retry(
        &self,
        context: &Context,
        database: &Database,
        (id, user, sent_to): (u64, Id, Id),
        code: u32,
    ) -> Result<bool, Error> {
        let prefix = self.prefix;
        // Where there is no thread, it stood no chance in the channel itself.
        let Some(place) = self.place(database, user)?.filter(|place| place.channel != 0) else {
            return Ok(false);
        };
        if ![UNKNOWN_CHANNEL, MISSING_ACCESS, ARCHIVED, LOCKED, TOO_MANY_THREADS].contains(&code) {
            return Ok(false);
        }
        let sql = format!("UPDATE {prefix}_posts SET sent_to = NULL, tries = tries + 1 WHERE id = ?1");
        database.execute(&sql, params![id])?;
        match (place.thread, code) {
            // One that was refused before it has begun to make the thread.
            (None, _) => {}
            (Some(thread), _) if thread != sent_to => {
                self.send_waiting(context, database, user, thread, SENT_AT_ONCE)?
            }
            (Some(thread), ARCHIVED | LOCKED) => Action::archive_thread(thread, false)
                .token(format!("{prefix}:open:{user}:{thread}"))
                .submit()?,
            (Some(_), TOO_MANY_THREADS) => {
                context.warn("the guild has too many active threads, an entry goes into the log channel itself");
                self.send_waiting(context, database, user, place.channel, SENT_AT_ONCE)?;
            }
            (Some(_), _) => self.make(context, database, place.channel, &place.person(user))?,
        }
        Ok(true)
    }

    /// The post is done with. What replies to it waits no more; where it could not be made, that stands on its own.
    fn settle(&self, database: &Database, id: u64, message: Option<Id>) -> Result<(), Error> {
        let prefix = self.prefix;
        database.execute(&format!("DELETE FROM {prefix}_posts WHERE id = ?1"), params![id])?;
        let sql = format!("UPDATE {prefix}_posts SET after = NULL, reply_to = coalesce(?2, reply_to) WHERE after = ?1");
        database.execute(&sql, params![id, message]).map(drop)
    }
}

/// Where a user's posts go.
struct Place {
    /// None while it is being made.
    thread: Option<Id>,
    channel: Id,
    asked_at: Timestamp,
    name: String,
}

impl Place {
    /// The channel below which it is being made.
    fn being_made_in(&self) -> Option<Id> {
        (self.thread.is_none() && self.channel != 0).then_some(self.channel)
    }

    fn person(&self, user: Id) -> Person {
        Person {
            id: user,
            name: self.name.clone(),
        }
    }
}

fn read(context: &Context, post: &str) -> Option<Post> {
    serde_json::from_str(post)
        .inspect_err(|error| context.warn(&format!("an entry of another version was left out: {error}")))
        .ok()
}

fn words(outcome: &Outcome) -> String {
    match outcome {
        Outcome::Refused(refusal) => format!("{} (code {})", refusal.message, refusal.code),
        other => format!("unexpected answer {other:?}"),
    }
}
