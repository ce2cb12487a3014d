//! The way of one installed plugin from version to version: a new one waits until it is known which guilds are busy, is
//! tried in a share of them, runs everywhere and is watched for a while, or goes again. What decides is in
//! [`trial`](crate::trial); nothing here is written to disk.

use crate::call::CallHost;
use crate::deployment::{Deployment, GivenSettings, HeldGuilds};
use crate::plugin::Plugin;
use crate::trial::{self, Trial, UpdateRules};
use guildhall_catalogue::{CallFigures, Digest, Grant, Guilds, Installed, VersionName};
use guildhall_model::GuildId;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Every worker has told by then how busy its guilds are.
const TOLD: Duration = Duration::from_secs(1);
/// Versions that are kept running at once: the newest, and what guilds may fall back to.
const VERSIONS: usize = 3;

/// An installed plugin as it runs here.
pub(crate) struct Running<H: CallHost> {
    /// Newest first; at least one.
    versions: Vec<Arc<Plugin<H>>>,
    stage: Stage,
    granted: Grant,
    guilds: Guilds,
    settings: Arc<GivenSettings>,
    held: Arc<HeldGuilds>,
}

/// How far the newest version is.
enum Stage {
    /// It runs wherever it can.
    Steady,
    /// No guild takes it yet: the one before is measured.
    Waiting { since: Instant, trial: Arc<Trial> },
    /// Some guilds take it.
    Trying {
        since: Instant,
        trial: Arc<Trial>,
        /// What calls of the version before came to while it waited: all there is where no other guild is active.
        before: CallFigures,
    },
    /// Every guild takes it, and the one before is there to go back to.
    Watched {
        since: Instant,
        trial: Arc<Trial>,
        before: CallFigures,
    },
}

/// What a look at a rollout has changed.
#[derive(Debug, PartialEq)]
pub(crate) enum Step {
    /// So many guilds, with this share of the events, take the new version from now on.
    Tried { guilds: u64, share: f64 },
    /// All guilds do.
    RolledOut {
        /// Whether it was tried before: not where no guild was active.
        tried: bool,
    },
    /// None does any more.
    RolledBack { reason: String },
    /// It is no longer watched.
    Settled,
}

impl<H: CallHost> Running<H> {
    /// These versions, newest first, with nothing to be tried.
    pub(crate) fn steady(versions: Vec<Arc<Plugin<H>>>, installed: &Installed) -> Self {
        let mut running = Self {
            versions,
            stage: Stage::Steady,
            granted: installed.granted.clone(),
            guilds: installed.guilds.clone(),
            settings: Arc::new(installed.into()),
            held: Arc::default(),
        };
        running.forget_versions();
        running
    }

    /// Takes over what the operator has changed but for the version; answers whether anything was.
    pub(crate) fn take_over(&mut self, installed: &Installed) -> bool {
        let settings = GivenSettings::from(installed);
        let granted = self.granted != installed.granted;
        let changed = granted || self.guilds != installed.guilds || *self.settings != settings;
        if granted {
            self.granted = installed.granted.clone();
            for version in &mut self.versions {
                *version = Arc::new(version.narrowed(&self.granted));
            }
        }
        if changed {
            self.guilds = installed.guilds.clone();
            self.settings = Arc::new(settings);
        }
        changed
    }

    /// The version that guilds run which try nothing.
    pub(crate) fn stable(&self) -> &Arc<Plugin<H>> {
        match self.stage {
            Stage::Waiting { .. } | Stage::Trying { .. } => self.versions.get(1).unwrap_or(&self.versions[0]),
            Stage::Steady | Stage::Watched { .. } => &self.versions[0],
        }
    }

    pub(crate) fn newest(&self) -> &Arc<Plugin<H>> {
        &self.versions[0]
    }

    /// The version with this digest, where it runs.
    pub(crate) fn find(&self, digest: &Digest) -> Option<&Arc<Plugin<H>>> {
        self.versions.iter().find(|version| version.digest() == digest.as_str())
    }

    /// The versions before the newest, newest first.
    pub(crate) fn older(&self) -> impl Iterator<Item = VersionName> {
        self.versions.iter().skip(1).filter_map(|version| name_of(version))
    }

    /// Guilds that the newest version's migrations keep on an older one.
    pub(crate) fn held(&self) -> BTreeMap<GuildId, String> {
        self.held.of(self.newest().digest())
    }

    pub(crate) fn is_under_way(&self) -> bool {
        !matches!(self.stage, Stage::Steady)
    }

    pub(crate) fn is_waiting(&self) -> bool {
        matches!(self.stage, Stage::Waiting { .. })
    }

    /// A number for the metric.
    pub(crate) fn stage(&self) -> u8 {
        match self.stage {
            Stage::Steady => 0,
            Stage::Waiting { .. } => 1,
            Stage::Trying { .. } => 2,
            Stage::Watched { .. } => 3,
        }
    }

    /// Ends an update that is under way: the version before goes on.
    pub(crate) fn give_up(&mut self) {
        let stable = self.stable().clone();
        let place = self.versions.iter().position(|version| Arc::ptr_eq(version, &stable));
        self.versions.drain(..place.unwrap_or(0));
        self.stage = Stage::Steady;
    }

    /// Begins with a new version; an update that was under way has ended with that. An error says why it cannot replace the
    /// one that runs.
    pub(crate) fn begin(&mut self, newest: Arc<Plugin<H>>, now: Instant) -> Result<(), String> {
        let stable = self.stable().clone();
        let (known, steps) = (&stable.description().migrations, &newest.description().migrations);
        if let Some((step, _)) = known.iter().zip(steps).find(|(known, step)| known != step) {
            return Err(format!(
                "its migration {} is not that of version {}; one that was released never changes, add another",
                step.version,
                stable.description().version
            ));
        }
        self.give_up();
        self.versions.retain(|known| known.digest() != newest.digest());
        self.held.forget(newest.digest());
        self.versions.insert(0, newest);
        self.versions.truncate(VERSIONS);
        self.stage = Stage::Waiting {
            since: now,
            trial: Arc::new(Trial::in_guilds([].into())),
        };
        Ok(())
    }

    /// Has this version run everywhere at once, as the operator went back to it.
    pub(crate) fn go_back(&mut self, version: Arc<Plugin<H>>) {
        self.versions.retain(|known| known.digest() != version.digest());
        self.versions.insert(0, version);
        self.stage = Stage::Steady;
        self.forget_versions();
    }

    /// Looks at what the calls came to. `events` says how busy guilds were lately.
    pub(crate) fn look(&mut self, now: Instant, events: &BTreeMap<GuildId, u64>, rules: &UpdateRules) -> Option<Step> {
        match &self.stage {
            Stage::Steady => None,
            Stage::Waiting { since, trial } => {
                let (waited, before) = (now - *since, trial.older.figures());
                let measured = before.calls >= rules.min_calls && waited >= TOLD;
                if !measured && waited < rules.trial {
                    return None;
                }
                let enabled = |guild: &GuildId| self.guilds.contains(*guild);
                let events: BTreeMap<_, _> = events
                    .iter()
                    .filter(|(guild, _)| enabled(guild))
                    .map(|(guild, events)| (*guild, *events))
                    .collect();
                let chosen = trial::choose(&events, rules.share);
                if chosen.is_empty() {
                    return (waited >= rules.patience).then(|| self.roll_out(now, false, before));
                }
                let of_chosen: u64 = chosen.iter().filter_map(|guild| events.get(guild)).sum();
                let share = of_chosen as f64 / events.values().sum::<u64>().max(1) as f64;
                let guilds = chosen.len() as u64;
                self.stage = Stage::Trying {
                    since: now,
                    trial: Arc::new(Trial::in_guilds(chosen)),
                    before,
                };
                Some(Step::Tried { guilds, share })
            }
            Stage::Trying { since, trial, before } => {
                let newer = trial.newer.figures();
                let older = with_enough(trial.older.figures(), *before, rules);
                if let Some(reason) = self.gives_up(trial, &newer, &older, rules) {
                    return Some(self.roll_back(reason));
                }
                let tried = now - *since;
                let enough = tried >= rules.trial && newer.calls >= rules.min_calls;
                if !enough && tried < rules.patience {
                    return None;
                }
                match trial::is_worse(&newer, &older, rules) {
                    Some(reason) => Some(self.roll_back(reason)),
                    None => Some(self.roll_out(now, true, older)),
                }
            }
            Stage::Watched { since, trial, before } => {
                let newer = trial.newer.figures();
                if newer.calls >= rules.min_calls
                    && let Some(reason) = trial::fails_early(&newer, before, rules)
                {
                    return Some(self.roll_back(format!("{reason}, after it was rolled out")));
                }
                (now - *since >= rules.trial).then(|| {
                    self.stage = Stage::Steady;
                    self.forget_versions();
                    Step::Settled
                })
            }
        }
    }

    /// Calls of the newest version and of the one before, as far as they are measured.
    pub(crate) fn figures(&self) -> Option<(CallFigures, CallFigures)> {
        match &self.stage {
            Stage::Steady => None,
            Stage::Waiting { trial, .. } | Stage::Trying { trial, .. } => {
                Some((trial.newer.figures(), trial.older.figures()))
            }
            Stage::Watched { trial, before, .. } => Some((trial.newer.figures(), *before)),
        }
    }

    /// What workers go by.
    pub(crate) fn deployment(&self) -> Deployment<H> {
        let trial = match &self.stage {
            Stage::Steady => None,
            Stage::Waiting { trial, .. } | Stage::Trying { trial, .. } | Stage::Watched { trial, .. } => Some(trial),
        };
        Deployment {
            versions: self.versions.clone(),
            trial: trial.cloned(),
            guilds: self.guilds.clone(),
            settings: self.settings.clone(),
            held: self.held.clone(),
        }
    }

    /// Why the trial ends before its time; none while it goes on.
    fn gives_up(&self, trial: &Trial, newer: &CallFigures, older: &CallFigures, rules: &UpdateRules) -> Option<String> {
        if trial.newer.is_switched_off() {
            return Some(format!(
                "it was switched off in a guild, as it kept failing: {} of {} calls failed",
                newer.failures, newer.calls
            ));
        }
        let held = self.held();
        let guilds = trial.guilds.as_ref()?;
        if let Some(reason) = guilds.first().and_then(|guild| held.get(guild))
            && guilds.iter().all(|guild| held.contains_key(guild))
        {
            return Some(format!("its migrations failed in every guild that tried it: {reason}"));
        }
        trial::fails_early(newer, older, rules)
    }

    fn roll_out(&mut self, now: Instant, tried: bool, before: CallFigures) -> Step {
        self.stage = Stage::Watched {
            since: now,
            trial: Arc::new(Trial::watch()),
            before,
        };
        Step::RolledOut { tried }
    }

    fn roll_back(&mut self, reason: String) -> Step {
        self.versions.remove(0);
        self.stage = Stage::Steady;
        Step::RolledBack { reason }
    }

    /// Where an older version has no fewer migrations, no guild can need it.
    fn forget_versions(&mut self) {
        let steps = |version: &Plugin<H>| version.description().migrations.len();
        let newest = steps(&self.versions[0]);
        let mut place = 0;
        self.versions.retain(|version| {
            place += 1;
            place == 1 || steps(version) < newest
        });
        self.versions.truncate(VERSIONS);
    }
}

/// What the version before is judged by: calls in the same time, or, where these were too few, those before it.
fn with_enough(meanwhile: CallFigures, before: CallFigures, rules: &UpdateRules) -> CallFigures {
    if meanwhile.calls >= rules.min_calls || meanwhile.calls >= before.calls {
        meanwhile
    } else {
        before
    }
}

pub(crate) fn name_of<H: CallHost>(version: &Plugin<H>) -> Option<VersionName> {
    Some(VersionName {
        version: version.description().version.clone(),
        digest: version.digest().parse().ok()?,
    })
}
