//! Runs a story: the guild as it is at first, the clock, and one step after the other.

use crate::names::Names;
use crate::plugins::Plugins;
use crate::recorded::of_guild;
use crate::story::{Common, CommonNames, Refuse, Step, Story};
use crate::telling::{self, Log};
use anyhow::{Context, Result, ensure};
use guildhall_discord::Frame;
use guildhall_engine::PluginRegistry;
use guildhall_gateway::{Fired, GuildHost, Observed, SteppedGuild};
use guildhall_model::{
    ChannelId, CommonSettings, EventData, FlaggedUser, GuildId, OutboxEntry, RoleId, UnixMilliseconds, UserId,
};
use guildhall_sim::{Recording, ToldEvent};
use guildhall_store::{GuildStore, StoreLimits, guild_file};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::path::Path;
use std::time::UNIX_EPOCH;

/// A Monday.
const START: &str = "2026-03-02T09:00:00Z";
const DAY: u64 = 86_400_000;
/// Discord, Permissions: VIEW_CHANNEL.
const VIEW_CHANNEL: &str = "1024";
/// Actions that may follow from each other in one step.
const CHAIN: usize = 500;

/// Somebody in the guild.
pub(crate) struct Person {
    pub(crate) name: String,
    pub(crate) bot: bool,
    pub(crate) roles: Vec<u64>,
    pub(crate) joined_at: UnixMilliseconds,
    pub(crate) timed_out_until: Option<UnixMilliseconds>,
    /// Whether still a member.
    pub(crate) here: bool,
}

/// A guild in the middle of its story.
pub(crate) struct Stage {
    pub(crate) names: Names,
    pub(crate) guild: u64,
    pub(crate) own_user: u64,
    owner: u64,
    pub(crate) now: UnixMilliseconds,
    pub(crate) start: UnixMilliseconds,
    pub(crate) people: BTreeMap<u64, Person>,
    pub(crate) channels: BTreeMap<u64, Value>,
    pub(crate) roles: BTreeMap<u64, Value>,
    /// As Discord would answer them.
    pub(crate) messages: BTreeMap<u64, Value>,
    /// Entries of the audit log, the oldest first.
    pub(crate) audit: Vec<Value>,
    pub(crate) refusals: Vec<(Refuse, u32)>,
    stepped: SteppedGuild,
    sequence: u64,
    /// Actions for Discord so far.
    pub(crate) actions: usize,
    /// What was told of earlier steps.
    text: String,
    /// What has happened in this step.
    happened: String,
    log: Log,
}

/// Runs a story and tells it. A plugin's call that fails is an error.
pub fn run(story: &Story, plugins: &Plugins, own_plugin: &str) -> Result<String> {
    let (told, _) = run_observed(story, plugins, own_plugin)?;
    ensure!(
        !told.contains("a plugin's call failed"),
        "a plugin's call failed:\n{told}"
    );
    Ok(told)
}

/// Runs a story; answers what it tells, and what its plugins did.
pub fn run_observed(story: &Story, plugins: &Plugins, own_plugin: &str) -> Result<(String, Observed)> {
    let ids = if story.plugins.is_empty() {
        vec![own_plugin.to_owned()]
    } else {
        story.plugins.clone()
    };
    let registry = plugins.registry(&ids)?;
    let directory = tempfile::tempdir()?;
    let log = Log::default();
    tracing::subscriber::with_default(log.subscriber(), || -> Result<_> {
        let mut stage = match &story.recording {
            None => Stage::set(story, &registry, directory.path(), log.clone())?,
            Some(file) => {
                let told = Recording::read(file)?.tell()?;
                let (guild, events) = of_guild(&told, story.recorded_guild)?;
                let mut stage =
                    Stage::of_recording(guild, told.bot, &events, &registry, directory.path(), log.clone())?;
                stage.configure(story)?;
                for event in events {
                    stage.happen_again(event)?;
                }
                stage
            }
        };
        for (name, options) in &story.people {
            stage.person_with(name, options)?;
        }
        for (number, step) in story.step.iter().enumerate() {
            stage
                .play(step)
                .with_context(|| format!("step {}", number + 1))
                .map(|()| stage.end_step(&format!("{}  {}", number + 1, telling::step(step))))?;
        }
        let told = stage.finish(&story.about, &ids, story.rows.as_deref(), directory.path())?;
        Ok((told, stage.take_observed()))
    })
}

impl Stage {
    fn set(story: &Story, registry: &PluginRegistry<GuildHost>, directory: &Path, log: Log) -> Result<Self> {
        let moment = humantime::parse_rfc3339_weak(story.start.as_deref().unwrap_or(START))?;
        let start = u64::try_from(moment.duration_since(UNIX_EPOCH)?.as_millis())?;
        let mut names = Names::default();
        let founded = start - 1000 * DAY;
        let (guild, own_user, owner) = (
            names.snowflake(founded),
            names.snowflake(founded),
            names.snowflake(founded),
        );
        names.add("@owner", owner);
        let mut stage = Self::empty((guild, own_user, owner), names, start, registry, directory, log)?;
        stage.found(story, founded);
        stage.configure(story)?;
        let description = stage.describe();
        let told = stage.dispatch("GUILD_CREATE", description)?;
        stage.follow(told)?;
        if stage.has_happened() {
            stage.end_step("0  the guild becomes available");
        }
        Ok(stage)
    }

    /// A guild as a recording describes it, before anything of it happens.
    pub(crate) fn of_recording(
        guild: u64,
        own_user: u64,
        events: &[&ToldEvent],
        registry: &PluginRegistry<GuildHost>,
        directory: &Path,
        log: Log,
    ) -> Result<Self> {
        let start = events.first().map_or(0, |event| event.at_ms);
        let described = events.iter().find(|event| event.name == "GUILD_CREATE");
        let owner = described.and_then(|event| event.data["owner_id"].as_str()?.parse().ok());
        let ids = (guild, own_user, owner.unwrap_or(0));
        let mut stage = Self::empty(ids, Names::default(), start, registry, directory, log)?;
        if let Some(event) = described {
            stage.learn(&event.name, &event.data);
        }
        Ok(stage)
    }

    fn empty(
        (guild, own_user, owner): (u64, u64, u64),
        mut names: Names,
        start: UnixMilliseconds,
        registry: &PluginRegistry<GuildHost>,
        directory: &Path,
        log: Log,
    ) -> Result<Self> {
        names.add("the guild", guild);
        names.add("@guildhall", own_user);
        let opened = GuildStore::open(directory, GuildId(guild), &StoreLimits::default())?;
        let stepped = SteppedGuild::new(GuildId(guild), opened.store, registry, UserId(own_user), start);
        Ok(Self {
            names,
            guild,
            own_user,
            owner,
            now: start,
            start,
            people: BTreeMap::new(),
            channels: BTreeMap::new(),
            roles: BTreeMap::new(),
            messages: BTreeMap::new(),
            audit: Vec::new(),
            refusals: Vec::new(),
            stepped,
            sequence: 0,
            actions: 0,
            text: String::new(),
            happened: String::new(),
            log,
        })
    }

    /// All that was told, and the rows that are left.
    pub(crate) fn finish(
        &self,
        about: &str,
        plugins: &[String],
        shown: Option<&[String]>,
        directory: &Path,
    ) -> Result<String> {
        let file = guild_file(directory, GuildId(self.guild));
        let rows = telling::rows(&file, plugins, shown, self.start)?;
        Ok(self.names.tell(&format!("{about}\n{}rows\n{rows}", self.text)))
    }

    /// Channels and roles.
    fn found(&mut self, story: &Story, founded: UnixMilliseconds) {
        let everyone = 0x40_0000_0000_u64 | 0x3_0000_0000 | 0x1_4C40;
        let own = story.bot_permissions.unwrap_or(8);
        let guild = self.guild;
        let mut role = |names: &mut Names, name: &str, permissions: u64, position: u32| {
            let id = if name == "everyone" {
                guild
            } else {
                names.snowflake(founded)
            };
            if name != "everyone" {
                names.add(format!("&{name}"), id);
            }
            let permissions = permissions.to_string();
            let role = json!({ "id": id.to_string(), "name": name, "permissions": permissions, "position": position });
            self.roles.insert(id, role);
        };
        role(&mut self.names, "everyone", everyone, 0);
        role(&mut self.names, "helper", 0, 1);
        role(&mut self.names, "restricted", 0, 2);
        // Kick, ban, manage messages, moderate members.
        role(&mut self.names, "staff", 0x2 | 0x4 | 0x2000 | (1 << 40), 3);
        role(&mut self.names, "admin", 8, 4);
        role(&mut self.names, "guildhall", own, 9);
        let town = self.names.snowflake(founded);
        self.names.add("#town", town);
        self.channels
            .insert(town, json!({ "id": town.to_string(), "name": "town", "type": 4 }));
        let texts = [
            "general",
            "help",
            "random",
            "memes",
            "off-topic",
            "mod-log",
            "deletion-log",
        ];
        let channels = texts
            .map(|name| (name, 0))
            .into_iter()
            .chain([("news", 5), ("lounge", 2)]);
        for (name, kind) in channels {
            let id = self.names.snowflake(founded);
            self.names.add(format!("#{name}"), id);
            let mut channel =
                json!({ "id": id.to_string(), "name": name, "type": kind, "parent_id": town.to_string() });
            if story.private.iter().any(|private| private == name) {
                channel["permission_overwrites"] =
                    json!([{ "id": guild.to_string(), "type": 0, "allow": "0", "deny": VIEW_CHANNEL }]);
            }
            self.channels.insert(id, channel);
        }
        let owner = Person {
            name: "owner".into(),
            bot: false,
            roles: Vec::new(),
            joined_at: founded,
            timed_out_until: None,
            here: true,
        };
        self.people.insert(self.owner, owner);
        let own_role = self.names.get("&guildhall").unwrap_or_default();
        let bot = Person {
            name: "guildhall".into(),
            bot: true,
            roles: vec![own_role],
            joined_at: founded,
            timed_out_until: None,
            here: true,
        };
        self.people.insert(self.own_user, bot);
    }

    fn configure(&mut self, story: &Story) -> Result<()> {
        // A guild that was recorded has roles and channels of its own.
        let usual = story.recording.is_none().then(|| Common::Set(CommonNames::default()));
        let common = story.common.as_ref().or(usual.as_ref());
        ensure!(
            !matches!(common, Some(Common::Unset(true))),
            "`common` is a table, or false"
        );
        if let Some(Common::Set(common)) = common {
            let role = |name: &Option<String>| name.as_ref().map(|name| self.names.id("&", name)).transpose();
            let channel = |name: &Option<String>| name.as_ref().map(|name| self.names.id("#", name)).transpose();
            let settings = CommonSettings {
                moderator_role: role(&common.moderator_role)?.map(RoleId),
                restricted_role: role(&common.restricted_role)?.map(RoleId),
                log_channel: channel(&common.log_channel)?.map(ChannelId),
                deletion_log_channel: channel(&common.deletion_log_channel)?.map(ChannelId),
                quorum: common.quorum,
                shares_flags: common.shares_flags,
            };
            let json = serde_json::to_string(&settings)?;
            self.stepped.set_settings(guildhall_model::COMMON_SETTINGS, &json)?;
        }
        for (plugin, settings) in &story.settings {
            self.set_settings(plugin, &serde_json::to_string(settings)?)?;
        }
        Ok(())
    }

    /// Settings as JSON, with names for ids.
    pub(crate) fn set_settings(&mut self, plugin: &str, json: &str) -> Result<()> {
        Ok(self.stepped.set_settings(plugin, &self.names.fill(json))?)
    }

    /// What plugins have done since this was asked last.
    pub(crate) fn take_observed(&mut self) -> Observed {
        self.stepped.take_observed()
    }

    fn describe(&self) -> Value {
        let members = [self.member(self.own_user)];
        json!({
            "id": self.guild.to_string(), "name": "Harbour", "owner_id": self.owner.to_string(),
            "roles": self.roles.values().collect::<Vec<_>>(), "channels": self.channels.values().collect::<Vec<_>>(),
            "threads": [], "members": members, "unavailable": false,
        })
    }

    fn play(&mut self, step: &Step) -> Result<()> {
        if let Some(after) = &step.after {
            self.pass_until(self.now + milliseconds(after)?)?;
        }
        if let Some(refuse) = &step.refuse {
            let copy = Refuse {
                action: refuse.action.clone(),
                message: refuse.message.clone(),
                ..*refuse
            };
            self.refusals.push((copy, refuse.times.unwrap_or(1)));
        }
        if let Some(flagged) = &step.flagged {
            let data = EventData::UserFlagged(FlaggedUser {
                user: UserId(self.person(&flagged.user)?),
                guilds: flagged.guilds,
            });
            let actions = self.stepped.tell(data, self.now)?;
            self.follow(actions)?;
        }
        if step.guild_create == Some(true) {
            let description = self.describe();
            let actions = self.dispatch("GUILD_CREATE", description)?;
            self.follow(actions)?;
        }
        for (name, data) in self.events(step)? {
            let actions = self.dispatch(name, data)?;
            self.follow(actions)?;
        }
        Ok(())
    }

    /// The clock goes on; timers fire on the way.
    pub(crate) fn pass_until(&mut self, until: UnixMilliseconds) -> Result<()> {
        while let Some(fired) = self.stepped.fire(until)? {
            let Fired {
                plugin,
                name,
                at,
                actions,
            } = fired;
            self.now = at;
            if !actions.is_empty() {
                let passed = telling::offset(self.now, self.start);
                self.happened
                    .push_str(&format!("   {passed} timer {name} of {plugin}\n"));
            }
            self.follow(actions)?;
        }
        self.now = until;
        Ok(())
    }

    pub(crate) fn has_happened(&self) -> bool {
        !self.happened.is_empty()
    }

    pub(crate) fn end_step(&mut self, headline: &str) {
        let happened = std::mem::take(&mut self.happened);
        self.text.push_str(&format!("{headline}\n{happened}"));
    }

    /// A dispatch of the gateway to the plugins.
    pub(crate) fn dispatch(&mut self, name: &str, mut data: Value) -> Result<Vec<OutboxEntry>> {
        self.sequence += 1;
        if data.get("guild_id").is_none() && name != "GUILD_CREATE" {
            data["guild_id"] = self.guild.to_string().into();
        }
        let text = json!({ "op": 0, "t": name, "s": self.sequence, "d": data }).to_string();
        let frame = Frame::parse(text)?.context("a dispatch")?;
        Ok(self.stepped.dispatch(&[frame], self.now)?)
    }

    /// Carries actions out, and what follows from their results.
    pub(crate) fn follow(&mut self, actions: Vec<OutboxEntry>) -> Result<()> {
        let mut waiting: std::collections::VecDeque<_> = actions.into();
        let mut done = 0;
        self.take_log();
        while let Some(entry) = waiting.pop_front() {
            done += 1;
            self.actions += 1;
            ensure!(done <= CHAIN, "more than {CHAIN} actions follow from one step");
            let (outcome, events) = self.answer(&entry)?;
            self.happened.push_str(&telling::action(&entry, &outcome, self.now));
            let wanted = entry.submitted.token.is_some() || matches!(outcome, guildhall_model::Outcome::Refused(_));
            let result = wanted.then(|| guildhall_model::ActionResult {
                token: entry.submitted.token.clone().unwrap_or_default(),
                outcome,
            });
            waiting.extend(self.stepped.settle(&entry, result, self.now)?);
            self.take_log();
            for (name, data) in events {
                waiting.extend(self.dispatch(name, data)?);
                self.take_log();
            }
        }
        Ok(())
    }

    fn take_log(&mut self) {
        self.happened.push_str(&self.log.take());
    }

    /// A channel, by its name.
    pub(crate) fn channel(&self, name: &str) -> Result<u64> {
        self.names.id("#", name)
    }

    /// A message, by its name.
    pub(crate) fn message(&self, name: &str) -> Result<u64> {
        self.names.id("", name)
    }
}

/// A span like `5s` or `1h 30min`.
pub(crate) fn milliseconds(span: &str) -> Result<u64> {
    let span = humantime::parse_duration(span).with_context(|| format!("{span:?} is no span; write 5s or 1h"))?;
    Ok(u64::try_from(span.as_millis())?)
}
