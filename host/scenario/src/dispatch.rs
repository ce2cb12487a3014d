//! From a step to the dispatches that Discord would send.

use crate::stage::{Person, Stage, milliseconds};
use crate::story::{PersonOptions, Step};
use anyhow::{Context, Result};
use serde_json::{Map, Value, json};
use std::time::{Duration, UNIX_EPOCH};

const HOUR: u64 = 3_600_000;
const YEAR: u64 = 365 * 24 * HOUR;

type Dispatches = Vec<(&'static str, Value)>;

impl Stage {
    /// The id of a person, who exists from now on.
    pub(crate) fn person(&mut self, name: &str) -> Result<u64> {
        let name = name.trim_start_matches('@');
        match self.names.get(&format!("@{name}")) {
            Some(id) => Ok(id),
            None => self.person_with(name, &PersonOptions::default()),
        }
    }

    /// The same, with what is said of them.
    pub(crate) fn person_with(&mut self, name: &str, options: &PersonOptions) -> Result<u64> {
        let ago = |span: &Option<String>, default| span.as_deref().map_or(Ok(default), milliseconds);
        let created = self.start - ago(&options.account_age, 3 * YEAR)?;
        let id = self.names.snowflake(created);
        self.names.add(format!("@{name}"), id);
        let roles = options.roles.iter().map(|role| self.names.id("&", role));
        let person = Person {
            name: name.to_owned(),
            bot: options.bot,
            roles: roles.collect::<Result<_>>()?,
            joined_at: self.start - ago(&options.joined, YEAR)?,
            timed_out_until: None,
            here: true,
        };
        self.people.insert(id, person);
        Ok(id)
    }

    pub(crate) fn user(&self, id: u64) -> Value {
        let person = self.people.get(&id);
        json!({
            "id": id.to_string(), "username": person.map_or("somebody", |person| &person.name), "discriminator": "0",
            "global_name": null, "bot": person.is_some_and(|person| person.bot),
        })
    }

    fn bare_member(&self, id: u64) -> Value {
        let person = self.people.get(&id);
        let roles = person.map_or(&[][..], |person| &person.roles);
        json!({
            "roles": roles.iter().map(ToString::to_string).collect::<Vec<_>>(), "nick": null,
            "joined_at": person.map(|person| iso8601(person.joined_at)),
            "communication_disabled_until": person.and_then(|person| person.timed_out_until).map(iso8601),
        })
    }

    pub(crate) fn member(&self, id: u64) -> Value {
        let mut member = self.bare_member(id);
        member["user"] = self.user(id);
        member
    }

    /// What Discord sends for this step.
    pub(crate) fn events(&mut self, step: &Step) -> Result<Dispatches> {
        let mut events = self.of_messages(step)?;
        events.extend(self.of_members(step)?);
        events.extend(self.of_interactions(step)?);
        if let Some(audit) = &step.audit {
            let target = audit.target.as_ref().map(|target| self.anything(target)).transpose()?;
            let by = audit.by.as_ref().map(|by| self.person(by)).transpose()?;
            let parsed = |json: &Option<String>, names: &crate::names::Names| -> Result<Value> {
                let text = json.as_deref().map_or("null".to_owned(), |json| names.fill(json));
                serde_json::from_str(&text).with_context(|| format!("{text:?} is no JSON"))
            };
            let id = self.names.snowflake(self.now);
            self.names.add_numbered("audit", id);
            let mut entry = json!({
                "id": id.to_string(), "action_type": audit.action,
                "user_id": by.map(|id| id.to_string()), "target_id": target.map(|id| id.to_string()),
                "reason": audit.reason,
            });
            for (key, json) in [("changes", &audit.changes), ("options", &audit.options)] {
                let value = parsed(json, &self.names)?;
                if !value.is_null() {
                    entry[key] = value;
                }
            }
            self.audit.push(entry.clone());
            events.push(("GUILD_AUDIT_LOG_ENTRY_CREATE", entry));
        }
        if let Some(name) = &step.delete_channel {
            let id = self.channel(name)?;
            let channel = self
                .channels
                .remove(&id)
                .unwrap_or_else(|| json!({ "id": id.to_string(), "type": 0 }));
            events.push(("CHANNEL_DELETE", channel));
        }
        if let Some(name) = &step.delete_role {
            let id = self.names.id("&", name)?;
            self.roles.remove(&id);
            self.people
                .values_mut()
                .for_each(|person| person.roles.retain(|role| *role != id));
            events.push(("GUILD_ROLE_DELETE", json!({ "role_id": id.to_string() })));
        }
        Ok(events)
    }

    /// A person, message, channel or role.
    fn anything(&mut self, name: &str) -> Result<u64> {
        match self.names.get(name).or_else(|| name.parse().ok()) {
            Some(id) => Ok(id),
            None => self.person(name),
        }
    }

    fn of_messages(&mut self, step: &Step) -> Result<Dispatches> {
        let mut events = Vec::new();
        if let Some(message) = &step.message {
            let data = self.write(message)?;
            events.push(("MESSAGE_CREATE", data));
        }
        if let Some(edit) = &step.edit {
            let (id, now) = (self.message(&edit.message)?, iso8601(self.now));
            let content = self.names.fill(&edit.text);
            let message = self.messages.get_mut(&id).context("the message is not there")?;
            message["content"] = content.into();
            message["edited_timestamp"] = now.into();
            events.push(("MESSAGE_UPDATE", message.clone()));
        }
        if let Some(embed) = &step.embed {
            let id = self.message(&embed.message)?;
            let message = self.messages.get_mut(&id).context("the message is not there")?;
            message["embeds"] = json!([{ "title": embed.title, "type": "link" }]);
            events.push(("MESSAGE_UPDATE", message.clone()));
        }
        if let Some(delete) = &step.delete {
            let id = self.message(&delete.message)?;
            events.extend(self.take_away(&[id]));
        }
        if let Some(delete) = &step.delete_bulk {
            let ids: Vec<_> = delete
                .messages
                .iter()
                .map(|name| self.message(name))
                .collect::<Result<_>>()?;
            events.extend(self.take_away(&ids));
        }
        for (react, name) in [
            (&step.react, "MESSAGE_REACTION_ADD"),
            (&step.unreact, "MESSAGE_REACTION_REMOVE"),
        ] {
            let Some(react) = react else { continue };
            let (user, message) = (self.person(&react.by)?, self.message(&react.message)?);
            let emoji = emoji(&react.emoji);
            let added = name == "MESSAGE_REACTION_ADD";
            self.count_reaction(message, &emoji, added);
            let channel = self.messages.get(&message).map(|message| message["channel_id"].clone());
            let mut data = json!({
                "user_id": user.to_string(), "message_id": message.to_string(), "channel_id": channel, "emoji": emoji,
            });
            if added {
                data["member"] = self.member(user);
            }
            events.push((name, data));
        }
        if let Some(automod) = &step.automod {
            let message = automod.message.as_ref().map(|name| self.message(name)).transpose()?;
            let data = json!({
                "rule_id": automod.rule.unwrap_or(77).to_string(), "rule_trigger_type": 1,
                "action": { "type": automod.action.unwrap_or(1) }, "user_id": self.person(&automod.user)?.to_string(),
                "channel_id": self.channel(&automod.place)?.to_string(),
                "message_id": message.map(|id| id.to_string()), "content": self.names.fill(&automod.content),
                "matched_keyword": automod.keyword, "matched_content": automod.keyword,
            });
            events.push(("AUTO_MODERATION_ACTION_EXECUTION", data));
        }
        Ok(events)
    }

    fn write(&mut self, message: &crate::story::Message) -> Result<Value> {
        let (author, channel) = (self.person(&message.by)?, self.channel(&message.place)?);
        let id = self.names.snowflake(self.now);
        match &message.id {
            Some(name) => self.names.add(name.as_str(), id),
            None => self.names.add_numbered("message", id),
        };
        let mentions = message
            .mentions
            .iter()
            .map(|name| self.person(name))
            .collect::<Result<Vec<_>>>()?;
        let mention_roles = message.mention_roles.iter().map(|name| self.names.id("&", name));
        let mention_roles = mention_roles
            .map(|id| id.map(|id| id.to_string()))
            .collect::<Result<Vec<_>>>()?;
        let attachments: Vec<_> = message.attachments.iter().map(|name| self.attachment(name)).collect();
        let embeds: Vec<_> = message.embeds.iter().map(embed_object).collect();
        let stickers: Vec<_> = message
            .stickers
            .iter()
            .map(|name| json!({ "id": "1", "name": name, "format_type": 1 }))
            .collect();
        let kind = message.kind.unwrap_or(if message.reply_to.is_some() { 19 } else { 0 });
        let mut data = json!({
            "id": id.to_string(), "channel_id": channel.to_string(), "author": self.user(author),
            "content": self.names.fill(message.text.as_deref().unwrap_or_default()), "timestamp": iso8601(self.now),
            "edited_timestamp": null, "mention_everyone": message.everyone == Some(true), "type": kind,
            "mentions": mentions.into_iter().map(|id| self.user(id)).collect::<Vec<_>>(), "mention_roles": mention_roles,
            "attachments": attachments, "embeds": embeds, "sticker_items": stickers,
        });
        match message.webhook {
            Some(true) => data["webhook_id"] = author.to_string().into(),
            _ => data["member"] = self.bare_member(author),
        }
        if let Some(name) = &message.reply_to {
            let replied = self.message(name)?;
            data["message_reference"] =
                json!({ "type": 0, "message_id": replied.to_string(), "channel_id": channel.to_string() });
            data["referenced_message"] = self.messages.get(&replied).cloned().unwrap_or_default();
        }
        if let Some(forwards) = &message.forwards {
            let attachments: Vec<_> = forwards.attachments.iter().map(|name| self.attachment(name)).collect();
            data["message_reference"] = json!({ "type": 1, "message_id": "5", "channel_id": "4" });
            data["message_snapshots"] = json!([{ "message": {
                "content": self.names.fill(&forwards.text), "timestamp": iso8601(self.now), "attachments": attachments, "embeds": [],
            } }]);
        }
        if let Some(poll) = &message.poll {
            let answers: Vec<_> = poll
                .answers
                .iter()
                .map(|text| json!({ "poll_media": { "text": text } }))
                .collect();
            data["poll"] = json!({ "question": { "text": poll.question }, "answers": answers });
        }
        self.messages.insert(id, data.clone());
        Ok(data)
    }

    fn attachment(&mut self, name: &str) -> Value {
        // The same file sent again is another attachment, unless it is named so: `a.png=1`.
        let (name, number) = name.split_once('=').unwrap_or((name, ""));
        let id = number.parse().unwrap_or_else(|_| self.names.snowflake(self.now));
        json!({
            "id": id.to_string(), "filename": name, "content_type": "image/png", "size": 24_000,
            "url": format!("https://cdn.discordapp.com/attachments/1/{id}/{name}"),
        })
    }

    fn count_reaction(&mut self, message: u64, emoji: &Value, added: bool) {
        let Some(message) = self.messages.get_mut(&message) else {
            return;
        };
        if message["reactions"].is_null() {
            message["reactions"] = json!([]);
        }
        let Some(reactions) = message["reactions"].as_array_mut() else {
            return;
        };
        match reactions.iter_mut().find(|reaction| reaction["emoji"] == *emoji) {
            Some(reaction) => {
                let count = reaction["count"].as_u64().unwrap_or(0);
                reaction["count"] = if added { count + 1 } else { count.saturating_sub(1) }.into();
            }
            None => reactions.push(json!({ "emoji": emoji, "count": u32::from(added) })),
        }
        reactions.retain(|reaction| reaction["count"] != 0);
    }

    /// Messages that are deleted.
    pub(crate) fn take_away(&mut self, ids: &[u64]) -> Option<(&'static str, Value)> {
        let mut channel = Value::Null;
        for id in ids {
            if let Some(message) = self.messages.remove(id) {
                channel = message["channel_id"].clone();
            }
        }
        match ids {
            _ if channel.is_null() => None,
            [id] => Some(("MESSAGE_DELETE", json!({ "id": id.to_string(), "channel_id": channel }))),
            ids => {
                let ids: Vec<_> = ids.iter().map(ToString::to_string).collect();
                Some(("MESSAGE_DELETE_BULK", json!({ "ids": ids, "channel_id": channel })))
            }
        }
    }

    fn of_members(&mut self, step: &Step) -> Result<Dispatches> {
        let mut events = Vec::new();
        if let Some(name) = &step.join {
            let (id, now) = (self.person(name)?, self.now);
            if let Some(person) = self.people.get_mut(&id) {
                (person.here, person.joined_at) = (true, now);
            }
            events.push(("GUILD_MEMBER_ADD", self.member(id)));
        }
        let gone = [
            (&step.leave, "GUILD_MEMBER_REMOVE"),
            (&step.ban, "GUILD_BAN_ADD"),
            (&step.unban, "GUILD_BAN_REMOVE"),
        ];
        for (name, event) in gone {
            let Some(name) = name else { continue };
            let id = self.person(name)?;
            if event != "GUILD_BAN_REMOVE"
                && let Some(person) = self.people.get_mut(&id)
            {
                person.here = false;
            }
            events.push((event, json!({ "user": self.user(id) })));
        }
        if let Some(timeout) = &step.timeout {
            let (id, lasts) = (
                self.person(&timeout.user)?,
                timeout.lasts.as_deref().map(milliseconds).transpose()?,
            );
            let until = lasts.map(|lasts| self.now + lasts);
            if let Some(person) = self.people.get_mut(&id) {
                person.timed_out_until = until;
            }
            events.push(("GUILD_MEMBER_UPDATE", self.member(id)));
        }
        if let Some(change) = &step.roles {
            let id = self.person(&change.user)?;
            let roles = change
                .roles
                .iter()
                .map(|name| self.names.id("&", name))
                .collect::<Result<Vec<_>>>()?;
            if let Some(person) = self.people.get_mut(&id) {
                person.roles = roles;
            }
            events.push(("GUILD_MEMBER_UPDATE", self.member(id)));
        }
        Ok(events)
    }

    fn of_interactions(&mut self, step: &Step) -> Result<Dispatches> {
        let mut events = Vec::new();
        if let Some(command) = &step.command {
            let mut options = Vec::new();
            for (name, value) in &command.options {
                options.push(self.option(name, value)?);
            }
            let mut data = Map::new();
            data.insert("id".into(), "1".into());
            data.insert("name".into(), command.name.as_str().into());
            data.insert("type".into(), 1.into());
            match &command.subcommand {
                Some(name) => data.insert(
                    "options".into(),
                    json!([{ "type": 1, "name": name, "options": options }]),
                ),
                None => data.insert("options".into(), options.into()),
            };
            if let Some(name) = &command.message {
                let id = self.message(name)?;
                let message = self
                    .messages
                    .get(&id)
                    .cloned()
                    .unwrap_or_else(|| json!({ "id": id.to_string() }));
                data.insert("type".into(), 3.into());
                data.insert("target_id".into(), id.to_string().into());
                data.insert("resolved".into(), json!({ "messages": { id.to_string(): message } }));
            }
            if let Some(name) = &command.user {
                let id = self.person(name)?;
                data.insert("type".into(), 2.into());
                data.insert("target_id".into(), id.to_string().into());
                let mut resolved = json!({ "users": { id.to_string(): self.user(id) } });
                if self.people.get(&id).is_some_and(|person| person.here) {
                    resolved["members"] = json!({ id.to_string(): self.bare_member(id) });
                }
                data.insert("resolved".into(), resolved);
            }
            let place = command.place.clone();
            events.push(self.interaction(2, &command.by, place.as_deref(), None, data.into())?);
        }
        if let Some(click) = &step.click {
            let message = click.message.as_ref().map(|name| self.message(name)).transpose()?;
            let values: Vec<_> = click.values.iter().map(|value| self.names.fill(value)).collect();
            let custom_id = self.names.fill(&click.custom_id);
            let kind = if values.is_empty() { 2 } else { 3 };
            let data = json!({ "component_type": kind, "custom_id": custom_id, "values": values });
            events.push(self.interaction(3, &click.by, click.place.as_deref(), message, data)?);
        }
        if let Some(submit) = &step.submit {
            let fields: Vec<_> = submit
                .fields
                .iter()
                .map(|(name, text)| {
                    json!({ "type": 18, "component": { "type": 4, "custom_id": name, "value": self.names.fill(text) } })
                })
                .collect();
            let data = json!({ "custom_id": self.names.fill(&submit.custom_id), "components": fields });
            events.push(self.interaction(5, &submit.by, submit.place.as_deref(), None, data)?);
        }
        Ok(events)
    }

    fn option(&mut self, name: &str, value: &toml::Value) -> Result<Value> {
        // Discord, Application Command Option Types: 3 text, 4 whole number, 5 yes or no, 6 user, 7 channel, 8 role.
        Ok(match value {
            toml::Value::Integer(number) => json!({ "type": 4, "name": name, "value": number }),
            toml::Value::Boolean(flag) => json!({ "type": 5, "name": name, "value": flag }),
            toml::Value::String(text) if text.starts_with('@') => {
                json!({ "type": 6, "name": name, "value": self.person(text)?.to_string() })
            }
            toml::Value::String(text) if text.starts_with('#') => {
                json!({ "type": 7, "name": name, "value": self.channel(text)?.to_string() })
            }
            toml::Value::String(text) if text.starts_with('&') => {
                json!({ "type": 8, "name": name, "value": self.names.id("&", text)?.to_string() })
            }
            other => {
                let text = self.names.fill(other.as_str().unwrap_or_default());
                json!({ "type": 3, "name": name, "value": text })
            }
        })
    }

    fn interaction(
        &mut self,
        kind: u8,
        by: &str,
        place: Option<&str>,
        message: Option<u64>,
        data: Value,
    ) -> Result<(&'static str, Value)> {
        let by = self.person(by)?;
        let of_message = message
            .and_then(|id| self.messages.get(&id))
            .map(|message| message["channel_id"].clone());
        let channel = match (place, of_message) {
            (Some(place), _) => self.channel(place)?.to_string().into(),
            (None, Some(channel)) => channel,
            (None, None) => self.channel("general")?.to_string().into(),
        };
        let id = self.names.snowflake(self.now);
        self.names.add_numbered("interaction", id);
        let mut member = self.member(by);
        member["permissions"] = self.permissions(by).to_string().into();
        Ok((
            "INTERACTION_CREATE",
            json!({
                "id": id.to_string(), "application_id": self.own_user.to_string(), "type": kind, "token": format!("token of {id}"),
                "channel_id": channel, "member": member, "data": data, "version": 1,
                "message": message.map(|id| json!({ "id": id.to_string() })),
            }),
        ))
    }

    fn permissions(&self, id: u64) -> u64 {
        let of = |role: &u64| {
            let role = self.roles.get(role)?;
            role["permissions"].as_str()?.parse::<u64>().ok()
        };
        let roles = self.people.get(&id).map_or(&[][..], |person| &person.roles);
        let everyone = of(&self.guild).unwrap_or(0);
        roles.iter().filter_map(of).fold(everyone, |all, one| all | one)
    }
}

fn embed_object(embed: &std::collections::BTreeMap<String, String>) -> Value {
    let mut object = Map::new();
    for (key, text) in embed {
        let value = if key == "footer" {
            json!({ "text": text })
        } else {
            text.as_str().into()
        };
        object.insert(key.clone(), value);
    }
    object.into()
}

fn emoji(text: &str) -> Value {
    match text.split_once(':') {
        Some((name, id)) => json!({ "id": id, "name": name }),
        None => json!({ "id": null, "name": text }),
    }
}

/// As Discord writes moments.
pub(crate) fn iso8601(at: u64) -> String {
    let text = humantime::format_rfc3339_micros(UNIX_EPOCH + Duration::from_millis(at)).to_string();
    text.replace('Z', "+00:00")
}
