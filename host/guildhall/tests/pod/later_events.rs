//! What comes in a later event: timers, answers of Discord, refusals, signals.

use crate::support::*;

fn says(text: &'static str) -> impl Fn(&guildhall_sim::JournalEntry) -> bool {
    move |entry| {
        entry.applied
            && entry.body["content"]
                .as_str()
                .is_some_and(|content| content.starts_with(text))
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn timers_fire_again_also_after_a_restart_and_not_when_cancelled() {
    let simulation = simulation(1).await;
    let mut pod = pod(&simulation, &["echo"]).await;
    let guild = simulation.guild_ids()[0];
    wait_log(&pod, &["timer every second"]).await;
    say(&simulation, guild, "never");
    say(&simulation, guild, "later");
    pod.wait_metric(&calls("echo"), 3.0, BOUND).await.unwrap();
    pod.kill().unwrap();
    pod.restart().await.unwrap();
    wait_journal(&simulation, "the timer", says("timer later")).await;
    let sent = simulation.journal().into_iter().filter(says("timer ")).count();
    assert_eq!(sent, 1, "once, and not the cancelled one");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_of_discord_comes_back_to_the_plugin_that_asked() {
    let simulation = simulation(1).await;
    let pod = pod(&simulation, &["echo"]).await;
    let guild = simulation.guild_ids()[0];
    say(&simulation, guild, "who");
    let answer = wait_journal(&simulation, "the answer", says("member ")).await;
    assert_eq!(
        answer.body["content"],
        format!("member {}", simulation.people(guild)[4])
    );
    say(&simulation, guild, "nowhere");
    wait_log(&pod, &["plugin=\"echo\"", "refused: 10003 Unknown Channel"]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_signal_reaches_other_plugins_unless_its_call_failed() {
    let simulation = simulation(1).await;
    let pod = pod(&simulation, &["echo", "hostile"]).await;
    let guild = simulation.guild_ids()[0];
    say(&simulation, guild, "signal-and-fail");
    let message = say(&simulation, guild, "signal");
    wait_log(&pod, &["plugin=\"echo\"", &format!("signal from hostile: {message}")]).await;
    assert!(
        !pod.log().contains("signal from hostile: of a failed call"),
        "{}",
        pod.log()
    );
}
