//! The catalogue in force: what was installed runs with what was granted, where it is enabled, and a new version goes
//! the way of a [`rollout`](crate::rollout). Everything that happens is logged, counted, and kept in
//! `plugin-rollouts.json`, so that a pod that starts again goes on with the versions that ran.
//!
//! The catalogue itself is only read. One that cannot be read changes nothing.

use crate::call::CallHost;
use crate::directory::Loading;
use crate::news::{self, News};
use crate::plugin::Plugin;
use crate::registry::PluginRegistry;
use crate::rollout::{Running, Step, name_of};
use crate::trial::UpdateRules;
use guildhall_catalogue::{
    Catalogue, CatalogueDirectory, Digest, Installed, Outcome, Rollout, RolloutStep, Rollouts, VersionName,
};
use guildhall_model::UnixMilliseconds;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// Steps of a plugin that are kept for people.
const HISTORY: usize = 10;
/// Between two notes of how a rollout is doing.
const NOTE: Duration = Duration::from_secs(2);

/// Follows the catalogue of one plugins directory.
pub(crate) struct InstalledPlugins<H: CallHost> {
    directory: CatalogueDirectory,
    data: PathBuf,
    rules: UpdateRules,
    loading: Loading,
    registry: Arc<PluginRegistry<H>>,
    /// As it was read last.
    catalogue: Catalogue,
    /// Why it could not be read since then.
    complaint: Option<String>,
    running: BTreeMap<String, Running<H>>,
    /// Components that cannot be loaded, so that each is reported once.
    refused: BTreeMap<String, Digest>,
    rollouts: Rollouts,
    noted: Rollouts,
    noted_at: Instant,
    /// Told when it is in force.
    news: Vec<News<H>>,
}

impl<H: CallHost> InstalledPlugins<H> {
    /// Goes on from what is noted in the data directory.
    pub(crate) fn new(
        plugins: &Path,
        data: &Path,
        rules: UpdateRules,
        loading: Loading,
        registry: Arc<PluginRegistry<H>>,
    ) -> Self {
        let rollouts = Rollouts::read(data).unwrap_or_else(|error| {
            tracing::error!(%error, "what is known of earlier updates cannot be read; the active versions run");
            Rollouts::default()
        });
        Self {
            directory: CatalogueDirectory::new(plugins),
            data: data.to_owned(),
            rules,
            loading,
            registry,
            catalogue: Catalogue::default(),
            complaint: None,
            running: BTreeMap::new(),
            refused: BTreeMap::new(),
            noted: rollouts.clone(),
            rollouts,
            noted_at: Instant::now(),
            news: Vec::new(),
        }
    }

    /// Whether a look now and then is needed.
    pub(crate) fn is_under_way(&self) -> bool {
        self.running.values().any(Running::is_under_way)
    }

    /// Reads the catalogue and does what has changed.
    pub(crate) fn reconcile(&mut self) {
        let catalogue = match self.directory.read() {
            Ok(catalogue) => catalogue,
            Err(error) => {
                let complaint = error.to_string();
                if self.complaint.as_ref() != Some(&complaint) {
                    metrics::counter!("guildhall_plugin_load_failures_total").increment(1);
                    tracing::error!(reason = complaint, "the catalogue was not read; what runs goes on");
                    self.complaint = Some(complaint);
                }
                return;
            }
        };
        self.complaint = None;
        if catalogue == self.catalogue {
            return;
        }
        let mut changed = false;
        let gone: Vec<_> = self
            .running
            .keys()
            .filter(|id| !catalogue.plugins.contains_key(*id))
            .cloned()
            .collect();
        for id in gone {
            self.running.remove(&id);
            self.news.push(News::Removed(id));
            changed = true;
        }
        self.rollouts.plugins.retain(|id, _| catalogue.plugins.contains_key(id));
        self.refused.retain(|id, _| catalogue.plugins.contains_key(id));
        for (id, installed) in &catalogue.plugins {
            if self.catalogue.plugins.get(id) != Some(installed) {
                self.refused.remove(id);
            }
            changed |= match self.running.remove(id) {
                Some(running) => self.follow(id, installed, running),
                None => self.start(id, installed),
            };
        }
        self.catalogue = catalogue;
        if changed {
            self.publish();
        }
    }

    /// Looks at the updates that are under way.
    pub(crate) fn look(&mut self) {
        let (now, events) = (Instant::now(), self.registry.loads().told());
        for (id, running) in &mut self.running {
            // The step may take the newest version away.
            let newest = running.newest().clone();
            let rollout = self.rollouts.plugins.get_mut(id);
            let Some(rollout) = rollout.filter(|rollout| rollout.candidate.digest.as_str() == newest.digest()) else {
                continue;
            };
            rollout.held = running.held();
            (rollout.new, rollout.old) = running.figures().unwrap_or((rollout.new, rollout.old));
            if let Some(step) = running.look(now, &events, &self.rules) {
                note_step(rollout, &step);
                self.news.push(News::Step { newest, step });
            }
        }
        if !self.news.is_empty() {
            self.publish();
        } else if self.rollouts != self.noted && self.noted_at.elapsed() >= NOTE {
            self.note();
        }
        self.measure();
    }

    /// A plugin that does not run yet: the versions that ran before the process began, or the active one.
    fn start(&mut self, id: &str, installed: &Installed) -> bool {
        let known = self.rollouts.plugins.get(id).cloned();
        let active = &installed.active;
        let Some(rollout) = known else {
            let runs = self.start_with(id, installed, vec![active.clone()]);
            if runs {
                self.record(id, installed, None, Vec::new(), Outcome::RolledOut);
            }
            return runs;
        };
        let before = rollout
            .before
            .iter()
            .chain(&rollout.older)
            .map(|name| name.digest.clone());
        let before: Vec<_> = before.collect();
        let is_active = rollout.candidate.digest == *active;
        match &rollout.outcome {
            Outcome::RolledOut if is_active => {
                let versions = [active.clone()].into_iter().chain(before);
                self.start_with(id, installed, versions.collect())
            }
            Outcome::RolledBack { reason } if is_active && rollout.asked == asked(installed) => {
                tracing::info!(
                    plugin = id,
                    version = rollout.candidate.version,
                    reason,
                    "an update stays away: it was rolled back"
                );
                self.start_with(id, installed, before)
            }
            outcome => {
                // The update was under way, or came while no pod ran: it begins with the versions that ran.
                let ran: Vec<_> = match outcome {
                    Outcome::RolledOut => [rollout.candidate.digest.clone()].into_iter().chain(before).collect(),
                    Outcome::Trying | Outcome::RolledBack { .. } => before,
                };
                if !ran.is_empty() && self.start_with(id, installed, ran) {
                    if let Some(running) = self.running.remove(id) {
                        self.follow(id, installed, running);
                    }
                    return true;
                }
                self.start_with(id, installed, vec![active.clone()])
            }
        }
    }

    /// Runs these versions, newest first: those that can be loaded. Answers whether any can.
    fn start_with(&mut self, id: &str, installed: &Installed, digests: Vec<Digest>) -> bool {
        if self.refused.get(id) == digests.first() {
            return false;
        }
        let mut versions = Vec::new();
        for digest in &digests {
            match self.load(id, installed, digest) {
                Ok(plugin) => {
                    self.news.push(News::Loaded(plugin.clone()));
                    versions.push(plugin);
                }
                Err(reason) => {
                    metrics::counter!("guildhall_plugin_load_failures_total").increment(1);
                    tracing::error!(plugin = id, %digest, reason, "an installed plugin was not loaded");
                }
            }
        }
        if versions.is_empty() {
            self.refused
                .extend(digests.into_iter().next().map(|digest| (id.to_owned(), digest)));
            return false;
        }
        self.refused.remove(id);
        self.running.insert(id.to_owned(), Running::steady(versions, installed));
        true
    }

    /// A plugin that runs: what the operator has changed. Answers whether anything follows for the workers.
    fn follow(&mut self, id: &str, installed: &Installed, mut running: Running<H>) -> bool {
        let mut changed = running.take_over(installed);
        let active = &installed.active;
        let rolled_back = self.rollouts.plugins.get(id).is_some_and(|rollout| {
            rollout.candidate.digest == *active
                && rollout.asked == asked(installed)
                && matches!(rollout.outcome, Outcome::RolledBack { .. })
        });
        if running.newest().digest() != active.as_str() && !rolled_back {
            changed = true;
            let known = running.find(active).cloned();
            match known.map_or_else(|| self.load(id, installed, active), Ok) {
                Ok(plugin) if installed.went_back() || running.stable().digest() == active.as_str() => {
                    self.news.push(News::WentBack(plugin.clone()));
                    running.go_back(plugin);
                    let mut older = running.older();
                    let before = older.next();
                    self.record(id, installed, before, older.collect(), Outcome::RolledOut);
                }
                Ok(plugin) => self.update(id, installed, &mut running, plugin),
                Err(reason) => self.refuse(id, installed, &mut running, reason),
            }
        }
        self.running.insert(id.to_owned(), running);
        changed
    }

    fn update(&mut self, id: &str, installed: &Installed, running: &mut Running<H>, plugin: Arc<Plugin<H>>) {
        let before = running.stable().clone();
        if let Err(reason) = running.begin(plugin.clone(), Instant::now()) {
            return self.refuse(id, installed, running, reason);
        }
        let older = running.older().skip(1).collect();
        self.record(id, installed, name_of(&before), older, Outcome::Trying);
        let newest = plugin;
        self.news.push(News::Ready { newest, before });
    }

    /// The active version cannot run at all.
    fn refuse(&mut self, id: &str, installed: &Installed, running: &mut Running<H>, reason: String) {
        running.give_up();
        metrics::counter!("guildhall_plugin_load_failures_total").increment(1);
        tracing::error!(plugin = id, digest = %installed.active, reason, "an update was not loaded; the version before goes on");
        let older = running.older().collect();
        let outcome = Outcome::RolledBack { reason };
        self.record(id, installed, name_of(running.stable()), older, outcome);
    }

    /// Begins the record of an update to the active version.
    fn record(
        &mut self,
        id: &str,
        installed: &Installed,
        before: Option<VersionName>,
        older: Vec<VersionName>,
        outcome: Outcome,
    ) {
        let earlier = self.rollouts.plugins.remove(id);
        let mut history = earlier
            .as_ref()
            .map_or_else(Vec::new, |earlier| earlier.history.clone());
        history.extend(
            earlier
                .filter(|earlier| earlier.outcome != Outcome::Trying)
                .map(|earlier| RolloutStep {
                    at: earlier.since,
                    candidate: earlier.candidate,
                    outcome: earlier.outcome,
                }),
        );
        history.drain(..history.len().saturating_sub(HISTORY));
        let candidate = VersionName {
            version: installed
                .active()
                .map_or_else(String::new, |active| active.version.clone()),
            digest: installed.active.clone(),
        };
        let rollout = Rollout {
            candidate,
            before,
            older,
            asked: asked(installed),
            since: unix_milliseconds(),
            share: 0.0,
            guilds: 0,
            held: BTreeMap::new(),
            new: Default::default(),
            old: Default::default(),
            outcome,
            history,
        };
        self.rollouts.plugins.insert(id.to_owned(), rollout);
    }

    /// First the workers, as they may be calling a bad version: a process that ends before the record is on the disk begins
    /// the step anew.
    fn publish(&mut self) {
        let running = self.running.iter();
        let deployments = running.map(|(id, running)| (id.clone(), running.deployment()));
        self.registry.install(deployments.collect());
        self.registry
            .loads()
            .want(self.running.values().any(Running::is_waiting));
        self.note();
        self.measure();
        self.news.drain(..).for_each(News::tell);
    }

    fn note(&mut self) {
        self.noted_at = Instant::now();
        if self.rollouts == self.noted {
            return;
        }
        match self.rollouts.write(&self.data) {
            Ok(()) => self.noted = self.rollouts.clone(),
            Err(error) => tracing::error!(%error, "what is known of updates cannot be kept"),
        }
    }

    fn measure(&self) {
        for (id, running) in &self.running {
            let rollout = self.rollouts.plugins.get(id);
            let tried = rollout.filter(|rollout| rollout.outcome == Outcome::Trying);
            news::measure(id, running, tried.map_or(0, |rollout| rollout.guilds));
        }
    }

    fn load(&self, id: &str, installed: &Installed, digest: &Digest) -> Result<Arc<Plugin<H>>, String> {
        let wasm = self.directory.component(digest).map_err(|error| error.to_string())?;
        let plugin = self.loading.load::<H>(&wasm).map_err(|error| error.to_string())?;
        let described = &plugin.description().id;
        if described != id {
            return Err(format!(
                "the component calls itself `{described}`; install it under that id"
            ));
        }
        Ok(Arc::new(plugin.narrowed(&installed.granted)))
    }
}

fn note_step(rollout: &mut Rollout, step: &Step) {
    match step {
        Step::Tried { guilds, share } => {
            (rollout.since, rollout.guilds, rollout.share) = (unix_milliseconds(), *guilds, *share);
        }
        Step::RolledOut { .. } => rollout.outcome = Outcome::RolledOut,
        Step::RolledBack { reason } => rollout.outcome = Outcome::RolledBack { reason: reason.clone() },
        Step::Settled => {}
    }
}

/// Tells one installation or grant of the active version from the next.
fn asked(installed: &Installed) -> Digest {
    let installed_at = installed.active().map(|active| active.installed_at);
    // Plain data of ours.
    let asked = serde_json::to_vec(&(installed_at, &installed.granted)).unwrap_or_default();
    Digest::of(&asked)
}

fn unix_milliseconds() -> UnixMilliseconds {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}
