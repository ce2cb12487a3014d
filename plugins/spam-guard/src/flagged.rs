//! Users who were flagged for spam in several servers: most likely somebody else has their account. The host says so only
//! where this guild takes part.

use crate::response::HOUR;
use crate::settings::Settings;
use guildhall_sdk::measure::{Case, Measure};
use guildhall_sdk::mod_log::Entry;
use guildhall_sdk::{
    Action, ActionResult, Context, Database, Error, FlaggedUser, Id, Member, Outcome, Person, Timestamp, defused,
    params,
};

/// Who was told. After a quarter of a year an account may be stolen again.
pub(crate) const MIGRATION: &str = "CREATE TABLE spam_guard_told (
    user INTEGER PRIMARY KEY, at INTEGER NOT NULL
) WITHOUT ROWID";

const KEPT: Timestamp = 90 * 24 * HOUR;
const TOKEN: &str = "flagged";

/// Asks who the user is here: staff is never judged, and whoever left needs nothing.
pub(crate) fn flagged(settings: &Settings, flagged: &FlaggedUser) -> Result<(), Error> {
    let FlaggedUser { user, guilds } = *flagged;
    if guilds < settings.flagged_in_guilds {
        return Ok(());
    }
    Action::fetch_member(user, format!("{TOKEN}:{user}:{guilds}")).submit()
}

/// Takes up the answer; does nothing for other results.
pub(crate) fn result(context: &Context, settings: &Settings, result: &ActionResult) -> Result<(), Error> {
    let mut parts = result.token.split(':');
    let (Some(TOKEN), Some(Ok(user)), Some(Ok(guilds))) = (
        parts.next(),
        parts.next().map(str::parse::<Id>),
        parts.next().map(str::parse::<u32>),
    ) else {
        return Ok(());
    };
    match &result.outcome {
        Outcome::Refused(refusal) if refusal.is_gone() => Ok(()),
        Outcome::Member(member) => act(context, settings, Person::from(&member.user), Some(member), guilds),
        // It is not known who it is here, and still likely that the account is stolen.
        _ => act(
            context,
            settings,
            Person {
                id: user,
                name: String::new(),
            },
            None,
            guilds,
        ),
    }
}

fn act(
    context: &Context,
    settings: &Settings,
    person: Person,
    member: Option<&Member>,
    guilds: u32,
) -> Result<(), Error> {
    let user = person.id;
    let seen = format!("Flagged for spam in {guilds} servers, so the account seems compromised");
    if member.is_some_and(|member| member.user.bot) {
        return Ok(());
    }
    if member.is_some_and(|member| context.is_staff(user, &member.roles, settings.moderator_role())) {
        return Entry::about(
            person,
            format!("{seen}. They are staff here, so nothing was done: ask them."),
        )
        .emit();
    }
    let case = Case {
        user: person.clone(),
        message: None,
    };
    let until = context.now() + u64::from(settings.timeout_hours) * HOUR;
    let stays_longer = member
        .and_then(|member| member.timed_out_until)
        .is_some_and(|already| already >= until);
    let mut done = "they are timed out for longer already".to_owned();
    if !stays_longer {
        let reason = format!("flagged for spam in {guilds} servers: the account seems compromised");
        Measure::Timeout.take(&case, Action::timeout(user, until), &reason)?;
        done = format!("timed out for {} h", settings.timeout_hours);
    }
    if is_to_be_told(context, user)? {
        let message = Action::send_direct_message(user, advice(context, settings.timeout_hours));
        Measure::Tell.take(&case, message, "the account seems compromised")?;
        done.push_str(", told by direct message how to get it back");
    }
    context.log(&format!("user {user} was flagged in {guilds} servers: {done}"));
    Entry {
        key: format!("spam-guard:flagged:{user}"),
        ..Entry::about(person, format!("{seen}: {done}."))
    }
    .emit()
}

/// Once.
fn is_to_be_told(context: &Context, user: Id) -> Result<bool, Error> {
    let sql = "INSERT OR IGNORE INTO spam_guard_told (user, at) VALUES (?1, ?2)";
    Ok(Database::open()?.execute(sql, params![user, context.now()])? == 1)
}

fn advice(context: &Context, hours: u32) -> String {
    let server = context
        .info()
        .map_or_else(|| "a server".to_owned(), |info| defused(&info.name));
    format!(
        "**Your account seems to be compromised:** it wrote spam in several servers. In {server} it is timed out for \
         {hours} h or longer.\n\
         1. Change your password. That signs out everybody else.\n\
         2. Turn on two-factor authentication.\n\
         3. Revoke the apps that you do not know: User Settings → Authorized Apps.\n\
         Then tell the moderators of {server}. They will never ask you for your password or a code."
    )
}

/// Forgets who was told long ago.
pub(crate) fn prune(database: &Database, now: Timestamp) -> Result<(), Error> {
    let sql = "DELETE FROM spam_guard_told WHERE at < ?1";
    database.execute(sql, params![now.saturating_sub(KEPT)]).map(drop)
}
