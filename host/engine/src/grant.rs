//! What a plugin may ask for in an action. Everything else is refused before it is taken.

use crate::bindings::guildhall::plugin::actions::Error;
use crate::contract::host_of;
use guildhall_model::{ANY_TOPIC, Action, Capability, PluginDescription, names_host};
use std::collections::BTreeSet;

/// The bounds of one plugin's actions. The default allows nothing.
#[derive(Clone, Debug, Default)]
pub(crate) struct Grant {
    pub(crate) capabilities: BTreeSet<Capability>,
    pub(crate) emits: BTreeSet<String>,
    pub(crate) http_hosts: BTreeSet<String>,
    /// All that the plugin wants, where the operator granted less.
    wanted: Option<Box<Grant>>,
}

impl Grant {
    /// All that the plugin wants.
    pub(crate) fn of(description: &PluginDescription) -> Self {
        Self {
            capabilities: description.capabilities.clone(),
            emits: description.emits.clone(),
            http_hosts: description.http_hosts.clone(),
            wanted: None,
        }
    }

    /// What is left of the plugin's wants.
    pub(crate) fn narrowed(description: &PluginDescription, wants: &PluginDescription) -> Self {
        Self {
            wanted: Some(Box::new(Self::of(wants))),
            ..Self::of(description)
        }
    }

    /// Why the action is refused; nothing where it is allowed.
    pub(crate) fn check(&self, action: &Action) -> Result<(), Error> {
        let wanted = || self.wanted.as_ref().is_some_and(|wanted| wanted.check(action).is_ok());
        match self.check_against_description(action) {
            Err(_) if wanted() => {
                let what = match action {
                    Action::EmitSignal { topic, .. } => format!("topic {topic:?}"),
                    Action::HttpRequest { url, .. } => format!("a request to {url:?}"),
                    _ => format!("{:?}", action.capability()),
                };
                Err(Error::NotGranted(format!("{what} is not granted by the operator")))
            }
            checked => checked,
        }
    }

    fn check_against_description(&self, action: &Action) -> Result<(), Error> {
        let needed = action.capability();
        if !self.capabilities.contains(&needed) {
            let reason = format!("{needed:?} is not granted; want it in `describe`");
            return Err(Error::NotGranted(reason));
        }
        match action {
            Action::EmitSignal { topic, .. } if !self.emits.contains(topic) && !self.emits.contains(ANY_TOPIC) => {
                Err(Error::Invalid(format!(
                    "topic {topic:?} is not declared; name it in `emits` of `describe`"
                )))
            }
            Action::HttpRequest { url, .. } => {
                let host = host_of(url).map_err(Error::Invalid)?;
                if names_host(&self.http_hosts, &host) {
                    return Ok(());
                }
                Err(Error::Invalid(format!(
                    "host {host:?} is not declared; name it in `http-hosts` of `describe`"
                )))
            }
            _ => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use guildhall_model::HttpMethod;

    fn emit(topic: &str) -> Action {
        Action::EmitSignal {
            topic: topic.into(),
            payload: String::new(),
        }
    }

    fn ask(url: &str) -> Action {
        Action::HttpRequest {
            method: HttpMethod::Get,
            url: url.into(),
            headers: Vec::new(),
            body: Vec::new(),
            timeout_ms: 1000,
        }
    }

    #[test]
    fn only_declared_topics_are_emitted() {
        let mut grant = Grant::default();
        assert!(matches!(grant.check(&emit("a")), Err(Error::NotGranted(_))));
        grant.capabilities.insert(Capability::Signals);
        let refused = grant.check(&emit("a"));
        assert!(
            matches!(&refused, Err(Error::Invalid(reason)) if reason.contains("\"a\"")),
            "{refused:?}"
        );
        grant.emits.insert("a".into());
        assert!(grant.check(&emit("a")).is_ok());
        assert!(grant.check(&emit("b")).is_err());
        grant.emits = BTreeSet::from([ANY_TOPIC.to_owned()]);
        assert!(grant.check(&emit("b")).is_ok());
    }

    #[test]
    fn what_is_wanted_but_not_granted_is_refused_as_that() {
        let wanted = Grant {
            capabilities: BTreeSet::from([Capability::Signals]),
            emits: BTreeSet::from(["a".to_owned()]),
            ..Grant::default()
        };
        for capabilities in [BTreeSet::new(), BTreeSet::from([Capability::Signals])] {
            let grant = Grant {
                capabilities,
                wanted: Some(Box::new(wanted.clone())),
                ..Grant::default()
            };
            let refused = grant.check(&emit("a"));
            assert!(
                matches!(&refused, Err(Error::NotGranted(reason)) if reason.contains("\"a\"") && reason.contains("operator")),
                "{refused:?}"
            );
        }
    }

    #[test]
    fn only_declared_hosts_are_asked() {
        let mut grant = Grant {
            http_hosts: BTreeSet::from(["example.org".to_owned()]),
            ..Grant::default()
        };
        assert!(matches!(
            grant.check(&ask("https://example.org/a")),
            Err(Error::NotGranted(_))
        ));
        grant.capabilities.insert(Capability::HttpRequests);
        assert!(grant.check(&ask("https://EXAMPLE.org/a")).is_ok());
        for refused in [
            "https://example.net/",
            "https://example.org.example.net/",
            "https://example.net/#example.org",
            "https://example.org@example.net/",
            "http://example.org/",
        ] {
            assert!(
                matches!(grant.check(&ask(refused)), Err(Error::Invalid(_))),
                "{refused}"
            );
        }
    }
}
