//! Clicks on the buttons that act at once: who may, upon whom, what came of it, and the note of it in the thread. Discord is
//! asked for the member first, so the click waits in a row with what is needed to answer it.

use crate::direct_action::DirectAction;
use crate::settings::Settings;
use crate::{THREADS, deletion, entries, hierarchy, texts};
use guildhall_sdk::{
    Action, ActionResult, Context, CustomId, Database, Error, Id, Interaction, Outcome, Person, Post, Timestamp,
    params, permission,
};

pub(crate) const MIGRATION: &str = "CREATE TABLE mod_log_clicks (
    id INTEGER PRIMARY KEY AUTOINCREMENT, interaction INTEGER NOT NULL, token TEXT NOT NULL, action TEXT NOT NULL,
    user INTEGER NOT NULL, moderator INTEGER NOT NULL, moderator_name TEXT NOT NULL, roles TEXT NOT NULL,
    clicked_at INTEGER NOT NULL, ended_at INTEGER, succeeded INTEGER NOT NULL DEFAULT 0
);
CREATE TABLE mod_log_deletions (
    id INTEGER PRIMARY KEY AUTOINCREMENT, click INTEGER NOT NULL, channel INTEGER NOT NULL, messages TEXT NOT NULL,
    refused TEXT, ended INTEGER NOT NULL DEFAULT 0
);
CREATE INDEX mod_log_deletions_click ON mod_log_deletions (click)";

/// Two moderators who click the same within so long mean the same.
const AT_ONCE: Timestamp = 60_000;
/// Tokens of interactions live for 15 minutes.
const KEPT: Timestamp = 3_600_000;

/// A click that is being carried out.
pub(crate) struct Click {
    pub(crate) id: u64,
    interaction: Id,
    token: String,
    pub(crate) action: DirectAction,
    pub(crate) user: Id,
    pub(crate) moderator: Person,
    roles: Vec<Id>,
}

/// Takes up a click on one of the buttons.
pub(crate) fn take(
    context: &Context,
    settings: &Settings,
    interaction: &Interaction,
    custom_id: &CustomId<'_>,
) -> Result<(), Error> {
    let (Some(action), Some(user)) = (DirectAction::of(custom_id.verb()), custom_id.id(1)) else {
        return interaction
            .answer_privately("This button is of another version of the bot and does nothing any more.")
            .submit();
    };
    let database = Database::open()?;
    if let Some(objection) = objection(context, &database, settings, interaction, action, user)? {
        return interaction.answer_privately(&objection).submit();
    }
    if action == DirectAction::Delete {
        return deletion::begin(context, &database, interaction, user);
    }
    let click = Click::begin(context, &database, interaction, action, user)?;
    interaction.defer_privately().submit()?;
    Action::fetch_member(user, format!("member:{}", click.id)).submit()
}

/// Why nothing is done, as far as that can be known without asking Discord.
fn objection(
    context: &Context,
    database: &Database,
    settings: &Settings,
    interaction: &Interaction,
    action: DirectAction,
    user: Id,
) -> Result<Option<String>, Error> {
    let (needed, name) = action.permission();
    // Who may delete differs from channel to channel: that is looked at there.
    if action != DirectAction::Delete {
        if !permission::allows(interaction.permissions, needed) {
            return Ok(Some(format!("You need the permission **{name}** for that.")));
        }
        if let Some(own) = context.own_member()
            && !permission::allows(context.permissions(own.user.id, &own.roles, None), needed)
        {
            return Ok(Some(format!("I lack the permission **{name}**.")));
        }
    }
    if action == DirectAction::Restrict {
        let Some(role) = settings.restricted_role(context) else {
            return Ok(Some(
                "No restricted role is set; an administrator sets one with /setup.".into(),
            ));
        };
        if let Some(objection) = hierarchy::role_objection(context, role) {
            return Ok(Some(format!("Not done: {objection}.")));
        }
    }
    let other: Option<(String, Option<Timestamp>)> = database.query_first(
        "SELECT moderator_name, ended_at FROM mod_log_clicks
         WHERE user = ?1 AND action = ?2 AND clicked_at + ?3 > ?4 AND (ended_at IS NULL OR succeeded) ORDER BY id DESC LIMIT 1",
        params![user, action.word(), AT_ONCE, context.now()],
    )?;
    Ok(other.map(|(moderator, ended_at)| {
        let state = if ended_at.is_some() {
            "has just done that"
        } else {
            "is doing that right now"
        };
        format!("**{}** {state}.", texts::name(&moderator))
    }))
}

/// Takes up what came of a click's requests. False where the result is of something else.
pub(crate) fn result(
    context: &Context,
    database: &Database,
    settings: &Settings,
    result: &ActionResult,
) -> Result<bool, Error> {
    let Some((verb, id)) = result.token.split_once(':') else {
        return Ok(false);
    };
    let Ok(id) = id.parse() else { return Ok(false) };
    match verb {
        "member" => member_known(context, database, settings, id, &result.outcome)?,
        "act" => acted(context, database, settings, id, &result.outcome)?,
        "deletion" => deletion::result(context, database, settings, id, &result.outcome)?,
        _ => return Ok(false),
    }
    Ok(true)
}

fn member_known(
    context: &Context,
    database: &Database,
    settings: &Settings,
    id: u64,
    outcome: &Outcome,
) -> Result<(), Error> {
    let Some(click) = Click::load(database, id)? else {
        return Ok(());
    };
    let objection = match outcome {
        Outcome::Member(member) => {
            hierarchy::objection(context, click.moderator.id, &click.roles, member).map(str::to_owned)
        }
        // A ban reaches those who have left, too.
        Outcome::Refused(refusal) if refusal.is_gone() => {
            (click.action != DirectAction::Ban).then(|| "they are not in this server any more".into())
        }
        Outcome::Refused(refusal) => Some(format!(
            "Discord does not tell who they are: {} (code {})",
            refusal.message, refusal.code
        )),
        _ => None,
    };
    if let Some(objection) = objection {
        return click.end(context, database, false, &format!("Not done: {objection}."));
    }
    match click.action.on(context, settings, click.user) {
        Some(action) => action
            .reason(&click.reason())
            .token(format!("act:{}", click.id))
            .submit(),
        None => click.end(
            context,
            database,
            false,
            "Not done: no restricted role is set any more.",
        ),
    }
}

fn acted(context: &Context, database: &Database, settings: &Settings, id: u64, outcome: &Outcome) -> Result<(), Error> {
    let Some(click) = Click::load(database, id)? else {
        return Ok(());
    };
    if let Outcome::Refused(refusal) = outcome {
        let cause = refusal.cause(context, click.user, click.action.permission().0);
        return click.end(context, database, false, &format!("Not done: {cause}."));
    }
    let done = click.action.done(settings, click.user);
    click.note(context, database, settings, &done)?;
    click.end(context, database, true, &format!("Done: you {done}."))
}

impl Click {
    /// Writes a click down.
    pub(crate) fn begin(
        context: &Context,
        database: &Database,
        interaction: &Interaction,
        action: DirectAction,
        user: Id,
    ) -> Result<Self, Error> {
        let member = &interaction.member;
        let roles: Vec<_> = member.roles.iter().map(ToString::to_string).collect();
        database.execute(
            "INSERT INTO mod_log_clicks (interaction, token, action, user, moderator, moderator_name, roles, clicked_at)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
            params![
                interaction.id,
                &interaction.token,
                action.word(),
                user,
                member.user.id,
                &member.user.username,
                roles.join(","),
                context.now()
            ],
        )?;
        let id: Option<(u64,)> = database.query_first("SELECT last_insert_rowid()", params![])?;
        Ok(Self {
            id: id.map_or(0, |(id,)| id),
            interaction: interaction.id,
            token: interaction.token.clone(),
            action,
            user,
            moderator: Person::from(&member.user),
            roles: member.roles.clone(),
        })
    }

    /// A click that is still being carried out.
    pub(crate) fn load(database: &Database, id: u64) -> Result<Option<Self>, Error> {
        let row: Option<(Id, String, String, Id, Id, String, String)> = database.query_first(
            "SELECT interaction, token, action, user, moderator, moderator_name, roles FROM mod_log_clicks
             WHERE id = ?1 AND ended_at IS NULL",
            params![id],
        )?;
        Ok(
            row.and_then(|(interaction, token, action, user, moderator, name, roles)| {
                Some(Self {
                    id,
                    interaction,
                    token,
                    action: DirectAction::of(&action)?,
                    user,
                    moderator: Person { id: moderator, name },
                    roles: roles.split(',').filter_map(|role| role.parse().ok()).collect(),
                })
            }),
        )
    }

    /// Why, for Discord's audit log.
    pub(crate) fn reason(&self) -> String {
        format!(
            "{} ({}) by a button of the mod-log",
            self.moderator.name, self.moderator.id
        )
    }

    /// Notes in the user's thread what the moderator did.
    pub(crate) fn note(
        &self,
        context: &Context,
        database: &Database,
        settings: &Settings,
        done: &str,
    ) -> Result<(), Error> {
        let Some(channel) = settings.log_channel(context) else {
            return Ok(());
        };
        let post = Post {
            content: texts::acted(&self.moderator, done),
            key: entries::KEY.into(),
            ..Post::default()
        };
        let person = THREADS.person(database, self.user)?;
        THREADS.post(context, database, channel, &person, &post)
    }

    /// Tells the moderator what came of it.
    pub(crate) fn end(
        &self,
        context: &Context,
        database: &Database,
        succeeded: bool,
        answer: &str,
    ) -> Result<(), Error> {
        database.execute(
            "UPDATE mod_log_clicks SET ended_at = ?2, succeeded = ?3 WHERE id = ?1",
            params![self.id, context.now(), succeeded],
        )?;
        Action::respond_privately(self.interaction, &self.token, answer).submit()
    }
}

/// Forgets clicks that are long over.
pub(crate) fn prune(database: &Database, now: Timestamp) -> Result<(), Error> {
    let before = now.saturating_sub(KEPT);
    database.execute(
        "DELETE FROM mod_log_deletions WHERE click IN (SELECT id FROM mod_log_clicks WHERE clicked_at < ?1)",
        params![before],
    )?;
    let sql = "DELETE FROM mod_log_clicks WHERE clicked_at < ?1";
    database.execute(sql, params![before]).map(drop)
}
