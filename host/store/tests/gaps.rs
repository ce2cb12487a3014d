//! What no session brought: what is noted when a new session begins, and that history and sessions together tell every
//! event once.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use guildhall_model::{ChannelId, Gap, GuildId, History, MessageId, SessionPosition, UserId, snowflake_at};
use guildhall_store::{Ban, GuildStore, SessionStart, StoreLimits, Told, Undo, guild_file};
use tempfile::TempDir;

const GUILD: GuildId = GuildId(7);
const GENERAL: ChannelId = ChannelId(70);
const MEMES: ChannelId = ChannelId(71);
const NOW: u64 = 1_700_000_000_000;

fn open(directory: &TempDir) -> Box<GuildStore> {
    GuildStore::open(directory.path(), GUILD, &StoreLimits::default())
        .unwrap()
        .store
}

/// A snowflake of so many seconds after the beginning.
fn id(seconds: u64) -> u64 {
    snowflake_at(NOW + seconds * 1000)
}

fn message(channel: ChannelId, id: u64) -> Told {
    Told::Message {
        channel,
        id: MessageId(id),
    }
}

/// The session's first event in a transaction of its own.
fn begin(store: &mut GuildStore, session: &str, newest: &[(ChannelId, u64)]) -> Vec<Gap> {
    store.begin(Undo::Batch).unwrap();
    assert!(store.begins_session(session));
    let start = SessionStart {
        newest: Some(newest.to_vec()),
        audit_log: true,
        at: NOW,
    };
    let gaps = store.begin_session(&start).unwrap();
    advance(store, session, 2);
    store.commit(NOW).unwrap();
    gaps
}

fn advance(store: &mut GuildStore, session: &str, sequence: u64) {
    store.advance(&SessionPosition {
        session: session.into(),
        sequence,
    });
}

fn live(store: &mut GuildStore, told: Told) -> bool {
    store.begin(Undo::Batch).unwrap();
    let fresh = store.take_live(told, NOW).unwrap();
    advance(store, "live", 3);
    store.commit(NOW).unwrap();
    fresh
}

fn missed(store: &mut GuildStore, asked: &Gap, id: u64) -> bool {
    store.begin(Undo::Batch).unwrap();
    let fresh = store.take_missed(asked, id).unwrap();
    store.commit(NOW).unwrap();
    fresh
}

fn close(store: &mut GuildStore, asked: &Gap) {
    store.begin(Undo::Batch).unwrap();
    store.close_gap(asked).unwrap();
    store.commit(NOW).unwrap();
}

fn of_channel(gaps: &[Gap], wanted: ChannelId) -> Gap {
    let of = |gap: &&Gap| matches!(gap.history, History::Messages { channel, .. } if channel == wanted);
    *gaps.iter().find(of).unwrap_or_else(|| panic!("{gaps:?}"))
}

#[test]
fn the_first_session_has_missed_nothing() {
    let directory = TempDir::new().unwrap();
    let mut store = open(&directory);
    assert_eq!(begin(&mut store, "a", &[(GENERAL, id(5))]), []);
    assert_eq!(store.gaps().unwrap(), []);
}

#[test]
fn a_new_session_notes_the_channels_where_something_was_said_and_the_audit_log() {
    let directory = TempDir::new().unwrap();
    let mut store = open(&directory);
    begin(&mut store, "a", &[(GENERAL, id(5)), (MEMES, id(4))]);
    assert!(live(&mut store, message(GENERAL, id(100))));
    let gaps = begin(&mut store, "b", &[(GENERAL, id(100)), (MEMES, id(130))]);
    let expected = [
        Gap {
            history: History::Messages {
                channel: MEMES,
                until: id(130),
            },
            // Ten seconds before the last one that came.
            after: id(90),
        },
        Gap {
            history: History::AuditLog,
            after: id(0),
        },
    ];
    assert_eq!(gaps, expected);
    drop(store);
    assert_eq!(open(&directory).gaps().unwrap(), expected);
}

#[test]
fn what_was_applied_before_the_gap_is_not_applied_again() {
    let directory = TempDir::new().unwrap();
    let mut store = open(&directory);
    begin(&mut store, "a", &[]);
    for seconds in [100, 95] {
        live(&mut store, message(GENERAL, id(seconds)));
    }
    let gaps = begin(&mut store, "b", &[(GENERAL, id(120))]);
    let gap = of_channel(&gaps, GENERAL);
    assert_eq!(gap.after, id(90));
    let fresh = [93, 95, 97, 100, 120].map(|seconds| missed(&mut store, &gap, id(seconds)));
    assert_eq!(fresh, [true, false, true, false, true]);
}

#[test]
fn more_messages_than_are_remembered_end_the_look_back() {
    let directory = TempDir::new().unwrap();
    let mut store = open(&directory);
    begin(&mut store, "a", &[]);
    let ids: Vec<_> = (0..100).map(|number| id(100) + number).collect();
    for id in &ids {
        live(&mut store, message(GENERAL, *id));
    }
    let gap = of_channel(&begin(&mut store, "b", &[(GENERAL, id(120))]), GENERAL);
    assert!(gap.after >= ids[0] && gap.after < ids[99], "{gap:?}");
    assert!(ids.iter().all(|id| !missed(&mut store, &gap, *id)));
    assert!(missed(&mut store, &gap, id(101)));
}

#[test]
fn a_gap_is_closed_step_by_step_and_goes_on_after_a_crash() {
    let directory = TempDir::new().unwrap();
    let mut store = open(&directory);
    begin(&mut store, "a", &[]);
    live(&mut store, message(GENERAL, id(10)));
    let gap = of_channel(&begin(&mut store, "b", &[(GENERAL, id(60))]), GENERAL);
    assert!(missed(&mut store, &gap, id(20)));
    store.begin(Undo::Batch).unwrap();
    assert!(store.take_missed(&gap, id(30)).unwrap());
    drop(store);

    let mut store = open(&directory);
    let left = of_channel(&store.gaps().unwrap(), GENERAL);
    assert_eq!(left.after, id(20), "the second one was not committed");
    assert!(!missed(&mut store, &left, id(20)));
    assert!(missed(&mut store, &left, id(30)));
    let beyond = Gap { after: id(40), ..left };
    assert!(
        !missed(&mut store, &beyond, id(50)),
        "a page that begins where this file is not yet would leave something out"
    );
    close(&mut store, &beyond);
    assert!(store.gaps().unwrap().iter().any(|gap| gap.history == left.history));
    close(&mut store, &left);
    assert!(!missed(&mut store, &left, id(50)));
    assert_eq!(store.gaps().unwrap().len(), 1, "the audit log's is left");
}

#[test]
fn a_live_message_inside_a_gap_is_applied_once() {
    let directory = TempDir::new().unwrap();
    let mut store = open(&directory);
    begin(&mut store, "a", &[]);
    live(&mut store, message(GENERAL, id(10)));
    let gap = of_channel(&begin(&mut store, "b", &[(GENERAL, id(60))]), GENERAL);
    assert!(missed(&mut store, &gap, id(20)));
    assert!(!live(&mut store, message(GENERAL, id(20))));
    assert!(live(&mut store, message(GENERAL, id(50))));
    assert!(!missed(&mut store, &gap, id(50)));
    assert!(missed(&mut store, &gap, id(60)));
    assert!(live(&mut store, message(GENERAL, id(61))));
}

#[test]
fn sessions_that_are_lost_one_after_the_other_leave_gaps_that_do_not_overlap() {
    let directory = TempDir::new().unwrap();
    let mut store = open(&directory);
    begin(&mut store, "a", &[]);
    live(&mut store, message(GENERAL, id(10)));
    let first = of_channel(&begin(&mut store, "b", &[(GENERAL, id(60))]), GENERAL);
    assert!(missed(&mut store, &first, id(20)));
    assert!(live(&mut store, message(GENERAL, id(65))));
    let second = of_channel(&begin(&mut store, "c", &[(GENERAL, id(80))]), GENERAL);
    let ids = [20, 30, 60, 65, 70, 80];
    let of_first = ids.map(|seconds| seconds <= 60 && missed(&mut store, &first, id(seconds)));
    let of_second = ids.map(|seconds| missed(&mut store, &second, id(seconds)));
    assert_eq!(of_first, [false, true, true, false, false, false]);
    assert_eq!(of_second, [false, false, false, false, true, true]);
}

#[test]
fn entries_of_the_audit_log_are_applied_once_whoever_tells_them() {
    let directory = TempDir::new().unwrap();
    let mut store = open(&directory);
    begin(&mut store, "a", &[]);
    assert!(live(&mut store, Told::AuditLogEntry(id(10))));
    let gaps = begin(&mut store, "b", &[]);
    let [gap] = gaps[..] else { panic!("{gaps:?}") };
    assert!(live(&mut store, Told::AuditLogEntry(id(40))), "of the new session");
    assert!(!missed(&mut store, &gap, id(10)));
    assert!(missed(&mut store, &gap, id(20)));
    assert!(!missed(&mut store, &gap, id(40)));
    assert!(missed(&mut store, &gap, id(41)));
    close(&mut store, &gap);
    drop(store);
    let mut store = open(&directory);
    assert!(!live(&mut store, Told::AuditLogEntry(id(41))), "it came by REST first");
    assert!(live(&mut store, Told::AuditLogEntry(id(42))));
}

#[test]
fn a_ban_that_the_gateway_told_is_not_made_again() {
    let directory = TempDir::new().unwrap();
    let mut store = open(&directory);
    begin(&mut store, "a", &[]);
    let ban = Ban {
        user: UserId(1),
        added: true,
    };
    store.begin(Undo::Batch).unwrap();
    assert!(store.take_live(Told::Ban(ban), NOW + 10_000).unwrap());
    advance(&mut store, "a", 3);
    store.commit(NOW).unwrap();
    drop(store);
    let mut store = open(&directory);
    store.begin(Undo::Batch).unwrap();
    assert!(!store.take_missed_ban(ban, id(10)));
    assert!(store.take_missed_ban(Ban { added: false, ..ban }, id(10)));
    store.commit(NOW).unwrap();
}

#[test]
fn what_no_plugin_takes_is_not_missed() {
    let directory = TempDir::new().unwrap();
    let mut store = open(&directory);
    begin(&mut store, "a", &[]);
    live(&mut store, message(GENERAL, id(10)));
    begin(&mut store, "b", &[(GENERAL, id(60))]);
    store.begin(Undo::Batch).unwrap();
    let nothing = SessionStart {
        at: NOW,
        ..SessionStart::default()
    };
    assert_eq!(store.begin_session(&nothing).unwrap(), []);
    advance(&mut store, "c", 2);
    store.commit(NOW).unwrap();
    assert_eq!(store.gaps().unwrap(), [], "the earlier ones are forgotten");
    assert_eq!(
        begin(&mut store, "d", &[(GENERAL, id(90))]),
        [],
        "a plugin that is new has missed nothing"
    );
}

#[test]
fn a_batch_that_is_rolled_back_notes_and_remembers_nothing() {
    let directory = TempDir::new().unwrap();
    let mut store = open(&directory);
    begin(&mut store, "a", &[]);
    live(&mut store, message(GENERAL, id(10)));
    store.begin(Undo::Batch).unwrap();
    let start = SessionStart {
        newest: Some(vec![(GENERAL, id(60))]),
        audit_log: true,
        at: NOW,
    };
    assert_eq!(store.begin_session(&start).unwrap().len(), 2);
    assert!(store.take_live(message(GENERAL, id(61)), NOW).unwrap());
    advance(&mut store, "b", 2);
    store.roll_back();
    assert_eq!(store.gaps().unwrap(), []);
    let gap = of_channel(&begin(&mut store, "b", &[(GENERAL, id(61))]), GENERAL);
    assert!(missed(&mut store, &gap, id(61)));
}

#[test]
fn a_file_of_an_older_schema_is_upgraded_and_misses_from_then_on() {
    let directory = TempDir::new().unwrap();
    let mut store = open(&directory);
    begin(&mut store, "a", &[]);
    drop(store);
    rusqlite::Connection::open(guild_file(directory.path(), GUILD))
        .unwrap()
        .execute_batch(
            "DROP TABLE guildhall_flags;
             DROP TABLE guildhall_gaps;
             ALTER TABLE guildhall_cursor DROP COLUMN messages;
             ALTER TABLE guildhall_cursor DROP COLUMN audit_log;
             ALTER TABLE guildhall_cursor DROP COLUMN bans;
             ALTER TABLE guildhall_outbox DROP COLUMN nonce;
             ALTER TABLE guildhall_settings DROP COLUMN version;
             ALTER TABLE guildhall_settings DROP COLUMN older_json;
             ALTER TABLE guildhall_settings DROP COLUMN older_version;
             PRAGMA user_version = 3",
        )
        .unwrap();
    let mut store = open(&directory);
    assert!(!store.begins_session("a"), "the cursor is kept");
    assert_eq!(begin(&mut store, "b", &[(GENERAL, id(60))]), []);
    let gap = of_channel(&begin(&mut store, "c", &[(GENERAL, id(90))]), GENERAL);
    assert_eq!(gap.after, id(60));
}
