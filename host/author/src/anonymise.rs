//! Recordings without people: every id, name and text in an event becomes another one of the same shape. Ids keep their time, and the
//! same id, name or text becomes the same other one throughout a recording, so that what belongs together still does. The key
//! lives as long as the process: nothing leads back.
//!
//! Words are replaced by what the whole text is, not one by one: that a word is frequent tells nothing. What is not known to be
//! harmless is replaced.

mod text;

use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use serde_json::{Map, Value};
use sha2::{Digest, Sha256};
use std::collections::{HashMap, HashSet};

/// Digits that an id has at least.
pub(crate) const ID_DIGITS: usize = 17;

/// Texts that say what something is, and nothing of anybody.
const KEPT: &[&str] = &[
    "allow",
    "app_permissions",
    "content_type",
    "deny",
    "discriminator",
    "features",
    "guild_locale",
    "key",
    "locale",
    "permissions",
    "permissions_new",
    "preferred_locale",
    "type",
];

/// What no plugin is told, and people could be known by.
const DROPPED: &[&str] = &[
    "activities",
    "avatar",
    "avatar_decoration_data",
    "banner",
    "client_status",
    "collectibles",
    "discovery_splash",
    "guild_scheduled_events",
    "icon",
    "icon_hash",
    "nonce",
    "placeholder",
    "presences",
    "primary_guild",
    "proxy_url",
    "soundboard_sounds",
    "splash",
    "stage_instances",
    "vanity_url_code",
    "voice_states",
];

/// Replaces what is in events; one for a whole recording.
pub struct Anonymiser {
    key: [u8; 32],
    ids: HashMap<u64, u64>,
    taken: HashSet<u64>,
}

impl Default for Anonymiser {
    fn default() -> Self {
        let mut key = [0; 32];
        rand::rng().fill_bytes(&mut key);
        Self::with_key(key)
    }
}

impl Anonymiser {
    fn with_key(key: [u8; 32]) -> Self {
        Self {
            key,
            ids: HashMap::new(),
            taken: HashSet::new(),
        }
    }

    /// Another id of the same moment.
    pub fn id(&mut self, id: u64) -> u64 {
        if let Some(known) = self.ids.get(&id) {
            return *known;
        }
        let time = id >> 22 << 22;
        let mut number = self.random("id", &id.to_string()).next_u64();
        let mut other = time | (number & 0x3f_ffff);
        while !self.taken.insert(other) {
            number = number.wrapping_add(1);
            other = time | (number & 0x3f_ffff);
        }
        self.ids.insert(id, other);
        other
    }

    /// Replaces everything in an event's data.
    pub fn event(&mut self, name: &str, data: &mut Value) {
        if name == "INTERACTION_CREATE"
            && let Some(used) = data.get_mut("data").map(Value::take)
        {
            let used = self.used(used);
            self.within("", data);
            data["data"] = used;
            return;
        }
        self.within("", data);
    }

    fn within(&mut self, key: &str, value: &mut Value) {
        match value {
            Value::String(text) if !KEPT.contains(&key) => *text = self.string(text),
            Value::Array(values) => values.iter_mut().for_each(|value| self.within(key, value)),
            Value::Object(fields) => {
                let old = std::mem::take(fields);
                for (name, mut value) in old {
                    if DROPPED.contains(&name.as_str()) {
                        value = emptied(&value);
                    } else {
                        self.within(&name, &mut value);
                    }
                    fields.insert(self.field(name), value);
                }
            }
            _ => {}
        }
    }

    /// What was used of the bot: names of commands and options, and ids of components, are the bot's own.
    fn used(&mut self, mut used: Value) -> Value {
        let Value::Object(fields) = &mut used else {
            return used;
        };
        let old = std::mem::take(fields);
        let mut kept = Map::new();
        for (name, value) in old {
            let value = match (name.as_str(), value) {
                ("name", value) => value,
                ("custom_id", Value::String(id)) => self.ids_in(&id).into(),
                ("options" | "components", Value::Array(parts)) => {
                    parts.into_iter().map(|part| self.used(part)).collect()
                }
                ("component", part) => self.used(part),
                (name, mut value) => {
                    self.within(name, &mut value);
                    value
                }
            };
            kept.insert(name, value);
        }
        kept.into()
    }

    /// Resolved objects stand under their ids.
    fn field(&mut self, name: String) -> String {
        match parse_id(&name) {
            Some(id) => self.id(id).to_string(),
            None => name,
        }
    }

    fn string(&mut self, text: &str) -> String {
        if let Some(id) = parse_id(text) {
            return self.id(id).to_string();
        }
        if is_moment(text) {
            text.to_owned()
        } else {
            self.text(text)
        }
    }

    /// Numbers that nobody without the key can foresee, and the same for the same text.
    fn random(&self, purpose: &str, text: &str) -> StdRng {
        let mut digest = Sha256::new();
        for part in [&self.key[..], purpose.as_bytes(), b":", text.as_bytes()] {
            digest.update(part);
        }
        StdRng::from_seed(digest.finalize().into())
    }
}

fn emptied(value: &Value) -> Value {
    match value {
        Value::Array(_) => Value::Array(Vec::new()),
        _ => Value::Null,
    }
}

pub(crate) fn parse_id(text: &str) -> Option<u64> {
    let is_id = text.len() >= ID_DIGITS && text.bytes().all(|byte| byte.is_ascii_digit());
    text.parse().ok().filter(|_| is_id)
}

/// `2026-03-02T09:00:00.000000+00:00`.
fn is_moment(text: &str) -> bool {
    let shape = text.bytes().map(|byte| if byte.is_ascii_digit() { b'0' } else { byte });
    let shape: Vec<_> = shape.take(19).collect();
    shape == b"0000-00-00T00:00:00" && text.len() <= 32
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    const ANN: u64 = 1_190_000_000_000_000_001;

    fn anonymiser() -> Anonymiser {
        Anonymiser::with_key([7; 32])
    }

    #[test]
    fn ids_keep_their_time_and_stay_apart() {
        let mut anonymiser = anonymiser();
        let ids: Vec<_> = (0..2000).map(|number| anonymiser.id(ANN + number)).collect();
        assert!(ids.iter().all(|id| id >> 22 == ANN >> 22));
        assert_eq!(ids.iter().collect::<HashSet<_>>().len(), ids.len());
        assert_eq!(anonymiser.id(ANN), ids[0]);
        assert_ne!(
            Anonymiser::with_key([8; 32]).id(ANN),
            ids[0],
            "another recording, another id"
        );
    }

    #[test]
    fn nothing_of_a_message_is_left_but_its_shape() {
        let mut data = json!({
            "id": "1190000000000000009", "content": format!("Hello <@{ANN}>, see https://secret.example.org/a/b?c=d"), "type": 0,
            "author": { "id": ANN.to_string(), "username": "annalena", "global_name": "Anna Lena", "avatar": "a1b2", "discriminator": "0" },
            "member": { "nick": "Lena", "joined_at": "2026-03-02T09:00:00.000000+00:00", "roles": ["1190000000000000005"] },
            "presences": [{ "status": "online" }], "mentions": [{ "id": ANN.to_string() }],
        });
        anonymiser().event("MESSAGE_CREATE", &mut data);
        let text = data.to_string().to_lowercase();
        for word in [
            "hello",
            "anna",
            "lena",
            "secret",
            "a1b2",
            "online",
            "1190000000000000009",
            &ANN.to_string(),
        ] {
            assert!(!text.contains(word), "{word} is left in {text}");
        }
        let content = data["content"].as_str().expect("a text");
        let mentioned = format!("<@{}>", data["author"]["id"].as_str().expect("an id"));
        assert!(
            content.contains(&mentioned),
            "who is mentioned is the author: {content}"
        );
        assert!(content.contains("https://") && content.contains(".org/"), "{content}");
        assert_eq!(data["member"]["joined_at"], "2026-03-02T09:00:00.000000+00:00");
        assert_eq!(data["author"]["username"].as_str().map(str::len), Some(8));
        assert_eq!(data["mentions"][0]["id"], data["author"]["id"]);
        assert_eq!(data["presences"], json!([]));
    }

    #[test]
    fn what_is_the_bots_own_stays_in_an_interaction() {
        let mut data = json!({ "id": "1190000000000000009", "token": "recorded", "member": { "user": { "id": ANN.to_string(), "username": "annalena" } }, "data": {
            "name": "strikes", "options": [{ "name": "user", "type": 6, "value": ANN.to_string() }, { "name": "why", "type": 3, "value": "personal reasons" }],
            "custom_id": format!("vote:{ANN}"), "resolved": { "users": { ANN.to_string(): { "username": "annalena" } } },
        } });
        anonymiser().event("INTERACTION_CREATE", &mut data);
        let user = data["member"]["user"]["id"].as_str().expect("an id").to_owned();
        let used = &data["data"];
        assert_eq!(
            (&used["name"], &used["options"][1]["name"]),
            (&json!("strikes"), &json!("why"))
        );
        assert_eq!(used["options"][0]["value"], json!(user));
        assert_eq!(used["custom_id"], json!(format!("vote:{user}")));
        assert!(used["resolved"]["users"][&user].is_object());
        assert!(!data.to_string().contains("personal") && !data.to_string().contains("annalena"));
    }
}
