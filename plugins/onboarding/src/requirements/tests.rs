use super::*;
use crate::check::report;
use crate::setting::ALL;
use guildhall_sdk::CommonSettings;

const GUILD: Id = 100;
const OWN_ROLE: Id = 101;
const STAFF: Id = 102;
const RESTRICTED: Id = 103;
const LOG: Id = 201;
const DELETION_LOG: Id = 202;

fn role(id: Id, position: i32) -> Role {
    Role {
        id,
        name: format!("role {id}"),
        permissions: 0,
        position,
    }
}

fn channel(id: Id) -> KnownChannel {
    KnownChannel {
        id,
        kind: TEXT,
        own: permission::ADMINISTRATOR,
        everyones: 0,
    }
}

/// A guild in which everything is as it should be.
fn facts() -> Facts {
    Facts {
        guild: GUILD,
        own_user: 1000,
        own_permissions: NEEDED.iter().fold(0, |all, needed| all | needed.bit),
        own_role: Some(OWN_ROLE),
        roles: vec![role(GUILD, 0), role(RESTRICTED, 1), role(STAFF, 2), role(OWN_ROLE, 3)],
        channels: vec![channel(LOG), channel(DELETION_LOG)],
        common: CommonSettings {
            moderator_role: Some(STAFF),
            restricted_role: Some(RESTRICTED),
            log_channel: Some(LOG),
            deletion_log_channel: Some(DELETION_LOG),
            quorum: None,
            shares_flags: false,
        },
        named_log: None,
    }
}

fn wrong(change: impl FnOnce(&mut Facts)) -> Vec<String> {
    let mut facts = facts();
    change(&mut facts);
    let settings = ALL.into_iter().flat_map(|one| setting(&facts, one));
    let all = settings
        .chain(permissions(&facts))
        .chain(reach(&facts))
        .chain(choices(&facts));
    all.filter(Finding::is_wrong).map(|finding| finding.line()).collect()
}

fn one(change: impl FnOnce(&mut Facts), part: &str) {
    let wrong = wrong(change);
    assert_eq!(wrong.len(), 1, "{wrong:?}");
    assert!(wrong[0].contains(part), "{wrong:?}");
}

#[test]
fn a_guild_that_has_everything_has_nothing_wrong() {
    assert_eq!(wrong(|_| {}), Vec::<String>::new());
    assert!(report(&facts()).starts_with("**All that moderation needs is there.**"));
}

#[test]
fn each_missing_thing_is_told_with_its_mending() {
    one(
        |facts| facts.own_permissions &= !permission::BAN_MEMBERS,
        "**Ban Members**: nobody is banned",
    );
    one(|facts| facts.common.moderator_role = None, "/setup moderator-role:");
    one(|facts| facts.common.log_channel = None, "/setup mod-log:");
    one(|facts| facts.common.log_channel = Some(999), "999 is not there");
    one(|facts| facts.common.restricted_role = Some(999), "999 is not there");
    one(|facts| facts.common.moderator_role = Some(GUILD), "@everyone");
    one(|facts| facts.roles[1].position = 5, "Server Settings → Roles");
    one(
        |facts| facts.roles[1].permissions = permission::BAN_MEMBERS,
        "grants Ban Members",
    );
    one(
        |facts| facts.channels[0].own = permission::VIEW_CHANNEL,
        "I cannot write in <#201>",
    );
    one(
        |facts| facts.channels[0].own = facts.own_permissions & !permission::CREATE_PRIVATE_THREADS,
        "In <#201> I lack Create Private Threads",
    );
    one(
        |facts| facts.channels[1].everyones = permission::VIEW_CHANNEL,
        "Everybody can read <#202>",
    );
    one(|facts| facts.channels[1].kind = 5, "no ordinary text channel");
}

#[test]
fn one_role_cannot_be_both() {
    let both = wrong(|facts| facts.common.restricted_role = Some(STAFF));
    assert!(both.iter().all(|line| line.contains("at once")), "{both:?}");
}

#[test]
fn a_restricted_role_and_a_named_log_may_be_left_unset() {
    assert!(wrong(|facts| facts.common.restricted_role = None).is_empty());
    let named = |facts: &mut Facts| (facts.common.log_channel, facts.named_log) = (None, Some(LOG));
    assert!(wrong(named).is_empty());
}

#[test]
fn roles_at_one_position_are_ordered_by_age() {
    let mut facts = facts();
    facts.roles[1].position = 3;
    assert!(
        facts.stands_above(&facts.roles[1].clone()),
        "the bot's role is the older one"
    );
    facts.roles[1].id = OWN_ROLE - 1;
    assert!(!facts.stands_above(&facts.roles[1].clone()));
}

#[test]
fn the_longest_report_fits_a_message() {
    const LONG: Id = u64::MAX - 1;
    let mut facts = facts();
    facts.own_user = LONG;
    facts.own_permissions = 0;
    facts.own_role = None;
    facts.roles.push(role(LONG, 9));
    facts.common.moderator_role = None;
    facts.common.restricted_role = Some(LONG);
    facts.common.log_channel = Some(LONG);
    facts.common.deletion_log_channel = Some(LONG);
    facts.channels = vec![
        KnownChannel {
            own: 0,
            ..channel(LONG)
        };
        10
    ];
    let report = report(&facts);
    assert!(
        report.chars().count() <= 2000,
        "{} characters:\n{report}",
        report.chars().count()
    );
}
