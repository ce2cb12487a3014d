//! Whole files into and out of a running fleet, by the commands that operators use.

use crate::support::*;
use guildhall_model::GuildId;
use rusqlite::Connection;
use std::path::Path;

impl World {
    /// Messages that `tally` has counted for these guilds: in their files, and in those that were replaced.
    async fn counted(&self, guilds: &[u64]) -> u64 {
        let mut sum = 0;
        for guild in guilds {
            let volume = self.volume_of(*guild).await;
            let mut files = vec![volume.join("guilds").join(format!("{guild}.db"))];
            for entry in std::fs::read_dir(volume.join("replaced")).into_iter().flatten() {
                let path = entry.unwrap().path();
                if path
                    .file_name()
                    .unwrap()
                    .to_string_lossy()
                    .starts_with(&format!("{guild}."))
                {
                    files.push(path);
                }
            }
            sum += files.iter().map(|file| count(file, "tally_messages")).sum::<u64>();
        }
        sum
    }
}

/// An old bot's database with so many rows of each guild.
fn old_bot(path: &Path, guilds: &[u64], rows: u64) {
    let connection = Connection::open(path).unwrap();
    connection
        .execute_batch("CREATE TABLE mod_actions (id INTEGER PRIMARY KEY, guild_id TEXT, action TEXT, created_at TEXT)")
        .unwrap();
    for guild in guilds {
        for _ in 0..rows {
            let sql =
                "INSERT INTO mod_actions (guild_id, action, created_at) VALUES (?1, 'ban', '2024-05-01T12:00:00Z')";
            connection.execute(sql, [guild.to_string()]).unwrap();
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn guilds_are_migrated_into_a_running_fleet_and_no_event_is_lost() {
    let world = World::new(4, 2).await;
    let guilds = world.simulation.guild_ids();
    let directory = tempfile::tempdir().unwrap();
    let source = directory.path().join("bot.db");
    let new = guilds[0] + 5;
    old_bot(&source, &[guilds[1], new], 40);
    let (source, state) = (
        source.display().to_string(),
        directory.path().join("state").display().to_string(),
    );
    let migration = async {
        wait_messages(&world.simulation, 300).await;
        let before = world.epoch(guilds[1]).await;
        let refused = world.refuse(&["migrate", "modbot", &source, "--state", &state]).await;
        assert!(
            refused.contains("--replace") && refused.contains("1 guilds were refused"),
            "{refused}"
        );
        world
            .succeed(&["migrate", "modbot", &source, "--state", &state, "--replace"])
            .await;
        assert_eq!(world.epoch(guilds[1]).await, before + 1);
        for guild in [guilds[1], new] {
            let file = world.volume_of(guild).await.join("guilds").join(format!("{guild}.db"));
            assert_eq!(count(&file, "modbot_mod_actions"), 40, "{guild}");
        }
        world.succeed(&["guild", "verify", &guilds[1].to_string()]).await
    };
    let others = async {
        let mut epochs = Vec::new();
        for guild in [guilds[0], guilds[2], guilds[3]] {
            wait("it is assigned", async || {
                world.fleet.client().unwrap().guild(GuildId(guild)).await.is_ok()
            })
            .await;
            epochs.push((guild, world.epoch(guild).await));
        }
        epochs
    };
    let (_, verified, epochs) = tokio::join!(world.simulation.run_load(traffic(1500)), migration, others);
    assert!(
        verified.contains("modbot_mod_actions") && verified.contains("it is whole"),
        "{verified}"
    );
    for (guild, epoch) in epochs {
        assert_eq!(world.epoch(guild).await, epoch, "others stay as they are");
    }
    // What had been applied is in the replaced file, and what came afterwards in the new one.
    let messages = world.simulation.stats().events["MESSAGE_CREATE"];
    let deadline = std::time::Instant::now() + BOUND;
    loop {
        let counted = world.counted(&guilds).await;
        if counted == messages {
            break;
        }
        assert!(
            std::time::Instant::now() < deadline,
            "{counted} of {messages}\n{}",
            world.fleet.logs()
        );
        tokio::time::sleep(std::time::Duration::from_millis(100)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_export_comes_back_and_one_that_was_cut_off_harms_nothing() {
    let world = World::new(2, 2).await;
    world.simulation.run_load(traffic(200)).await;
    world.assert_all_once().await;
    let guild = world.simulation.guild_ids()[0];
    let (id, directory) = (guild.to_string(), tempfile::tempdir().unwrap());
    let path = |name: &str| directory.path().join(name).display().to_string();
    let (export, cut) = (path("export"), path("cut"));
    let before = world.counted(&[guild]).await;
    world.succeed(&["guild", "export", &id, "--to", &export]).await;
    world.succeed(&["guild", "verify", &export]).await;

    let whole = std::fs::read(&export).unwrap();
    std::fs::write(&cut, &whole[..whole.len() / 2]).unwrap();
    let refused = world.refuse(&["guild", "import", &cut]).await;
    assert!(refused.contains("ends too soon"), "{refused}");
    let refused = world.refuse(&["guild", "import", &export, "--guild", "7"]).await;
    assert!(refused.contains("not of guild 7"), "{refused}");
    assert_eq!(world.epoch(guild).await, 1);
    assert_eq!(world.counted(&[guild]).await, before);

    // What happens after the export is in the file that the import replaces.
    world.simulation.run_load(traffic(200)).await;
    world.succeed(&["guild", "import", &export, "--guild", &id]).await;
    assert_eq!(world.epoch(guild).await, 2);
    let file = world.volume_of(guild).await.join("guilds").join(format!("{guild}.db"));
    assert_eq!(count(&file, "tally_messages"), before);
    let replaced = path("replaced");
    world
        .succeed(&["guild", "export", &id, "--replaced", "--to", &replaced])
        .await;
    world.succeed(&["guild", "import", &replaced]).await;
    assert_eq!(world.epoch(guild).await, 3);
    let file = world.volume_of(guild).await.join("guilds").join(format!("{guild}.db"));
    assert!(count(&file, "tally_messages") > before);
}
