//! What instances keep, and for whom: the plugin `keeper` says how many calls its memory has seen.

use crate::support::*;
use guildhall_engine::{
    CallFailure, CallLimits, CallReport, GuestClass, Plugin, PluginInstance, RuntimeConfig, WarmInstances,
};
use guildhall_model::{Action, GuildId, MessageBody};
use std::sync::Arc;
use std::time::Duration;

const MIB: usize = 1 << 20;

/// The plugin, its instances held to be as costly as a script's.
fn keeper() -> Arc<Plugin<Host>> {
    let config = RuntimeConfig {
        compact_start: Duration::ZERO,
        ..RuntimeConfig::default()
    };
    let plugin = load(&built("keeper"), &config).unwrap();
    assert_eq!(plugin.class(), GuestClass::Script);
    plugin
}

/// How many calls the memory has seen that answered.
fn seen(report: &CallReport) -> u64 {
    assert_eq!(report.result, Ok(()));
    let content = report.actions.iter().find_map(|submitted| match &submitted.action {
        Action::SendMessage {
            body: MessageBody { content, .. },
            ..
        } => content.clone(),
        _ => None,
    });
    content.unwrap().parse().unwrap()
}

/// A batch with one event.
fn batch(warm: &mut WarmInstances<Host>, plugin: &Arc<Plugin<Host>>, guild: u64, content: &str) -> CallReport {
    let mut instance = warm.take(GuildId(guild), plugin, &CallLimits::default());
    let report = call(&mut instance, guild, content);
    warm.keep(instance);
    report
}

#[test]
fn a_compact_guest_begins_anew_with_every_batch() {
    // However busy the machine is.
    let config = RuntimeConfig {
        compact_start: Duration::from_secs(1),
        ..RuntimeConfig::default()
    };
    let plugin = load(&built("keeper"), &config).unwrap();
    assert_eq!(plugin.class(), GuestClass::Compact);
    assert!(plugin.start() > Duration::ZERO);
    let mut warm = WarmInstances::new(64 * MIB);
    for _ in 0..3 {
        assert_eq!(seen(&batch(&mut warm, &plugin, 1, "")), 1);
    }
    assert!(warm.is_empty());
}

#[test]
fn a_warm_instance_stays_with_its_guild() {
    let (plugin, mut warm) = (keeper(), WarmInstances::new(64 * MIB));
    for calls in 1..=3 {
        assert_eq!(seen(&batch(&mut warm, &plugin, 1, "")), calls);
        assert_eq!(seen(&batch(&mut warm, &plugin, 2, "")), calls);
    }
    assert_eq!(warm.len(), 2);
    warm.forget(GuildId(1));
    assert_eq!(seen(&batch(&mut warm, &plugin, 1, "")), 1);
    assert_eq!(seen(&batch(&mut warm, &plugin, 2, "")), 4);
}

#[test]
fn an_instance_that_is_called_for_another_guild_has_forgotten_the_first() {
    let plugin = keeper();
    let mut instance = PluginInstance::new(plugin, CallLimits::default());
    assert_eq!(seen(&call(&mut instance, 1, "")), 1);
    assert_eq!(seen(&call(&mut instance, 1, "")), 2);
    assert_eq!(seen(&call(&mut instance, 2, "")), 1);
}

#[test]
fn a_failed_call_is_the_end_of_an_instance() {
    let (plugin, mut warm) = (keeper(), WarmInstances::new(64 * MIB));
    for failing in ["trap", "fail"] {
        assert_eq!(seen(&batch(&mut warm, &plugin, 1, "")), 1);
        assert_eq!(seen(&batch(&mut warm, &plugin, 2, "")), 1);
        let report = batch(&mut warm, &plugin, 1, failing);
        assert!(report.result.is_err());
        assert_eq!(seen(&batch(&mut warm, &plugin, 1, "")), 1, "after {failing}");
        assert_eq!(seen(&batch(&mut warm, &plugin, 2, "")), 2, "the neighbour's goes on");
        warm.retain_versions(|_| false);
    }
}

#[test]
fn those_called_least_recently_make_room() {
    let (plugin, mut warm) = (keeper(), WarmInstances::new(20 * MIB));
    for guild in 1..=3 {
        batch(&mut warm, &plugin, guild, "");
    }
    assert_eq!(warm.len(), 3);
    // Each takes more than 8 MiB from now on: the third is one too many.
    for guild in 1..=3 {
        batch(&mut warm, &plugin, guild, "hoard");
        assert!(warm.bytes() <= 20 * MIB, "{}", warm.bytes());
    }
    assert_eq!(warm.len(), 2);
    assert_eq!(seen(&batch(&mut warm, &plugin, 3, "")), 3);
    assert_eq!(seen(&batch(&mut warm, &plugin, 2, "")), 3);
    assert_eq!(seen(&batch(&mut warm, &plugin, 1, "")), 1);
}

#[test]
fn one_that_is_larger_than_all_the_room_is_not_kept() {
    let (plugin, mut warm) = (keeper(), WarmInstances::new(4 * MIB));
    assert_eq!(seen(&batch(&mut warm, &plugin, 1, "hoard")), 1);
    assert_eq!((warm.len(), warm.bytes()), (0, 0));
}

#[test]
fn another_version_begins_anew() {
    let (plugin, update, mut warm) = (keeper(), keeper(), WarmInstances::new(64 * MIB));
    assert_eq!(seen(&batch(&mut warm, &plugin, 1, "")), 1);
    assert_eq!(seen(&batch(&mut warm, &update, 1, "")), 1);
    assert_eq!(seen(&batch(&mut warm, &update, 1, "")), 2);
    warm.retain_versions(|version| Arc::ptr_eq(version, &plugin));
    assert!(warm.is_empty(), "what runs no more takes no memory");
}

#[test]
fn handles_that_are_never_dropped_wear_an_instance_out() {
    let (plugin, mut warm) = (keeper(), WarmInstances::new(64 * MIB));
    for _ in 0..3 {
        // 200 of the 256 that an instance may have open.
        assert_eq!(seen(&batch(&mut warm, &plugin, 1, "leak")), 1);
    }
    assert_eq!(seen(&batch(&mut warm, &plugin, 1, "")), 1);
    assert_eq!(seen(&batch(&mut warm, &plugin, 1, "")), 2);
}

#[test]
fn figures_count_with_the_call() {
    let mut instance = PluginInstance::new(keeper(), CallLimits::default());
    let report = call(&mut instance, 1, "four");
    assert_eq!(report.figures.counts.get("messages"), Some(&1));
    assert_eq!(report.figures.values, [("bytes".into(), 4.0)]);
    for failing in ["trap", "fail"] {
        let report = call(&mut instance, 1, failing);
        assert!(report.figures.is_empty() && report.actions.is_empty(), "{report:?}");
    }
}

#[test]
fn a_topic_that_was_not_declared_is_refused() {
    let mut instance = PluginInstance::new(keeper(), CallLimits::default());
    let report = call(&mut instance, 1, "signal");
    assert!(matches!(&report.actions[0].action, Action::EmitSignal { topic, .. } if topic == "kept"));
    let report = call(&mut instance, 1, "undeclared");
    let Err(CallFailure::Answered(reason)) = &report.result else {
        panic!("{report:?}")
    };
    assert!(reason.contains("\"another\"") && reason.contains("emits"), "{reason}");
}
