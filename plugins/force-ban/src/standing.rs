//! Who may ban whom. Discord holds people to the order of roles; what the bot does for them must not get around it.

use guildhall_sdk::{Context, Id, Interaction, Role, permission};
use serde_json::Value;

/// Why the clicker must not ban this user, as an answer.
pub(crate) fn objection(context: &Context, interaction: &Interaction, target: Id) -> Option<String> {
    let clicker = &interaction.member;
    if !permission::allows(interaction.permissions, permission::BAN_MEMBERS) {
        return Some("You need the permission Ban Members for that.".into());
    }
    let info = context.info();
    if info.as_ref().is_some_and(|info| info.own_user == target) {
        return Some("I cannot ban myself.".into());
    }
    if clicker.user.id == target {
        return Some("You cannot ban yourself.".into());
    }
    if info.as_ref().is_some_and(|info| info.owner == target) {
        return Some("Nobody can ban the server's owner.".into());
    }
    // Whoever has left has no roles; the owner stands above all.
    let member = interaction.resolved("members", target)?;
    if info.is_some_and(|info| info.owner == clicker.user.id) {
        return None;
    }
    let roles = context.roles();
    let stands_above = highest(&roles, &clicker.roles) > highest(&roles, &role_ids(&member));
    (!stands_above).then(|| "Your highest role does not stand above theirs, so you cannot ban them.".into())
}

fn highest(roles: &[Role], held: &[Id]) -> i32 {
    let positions = roles
        .iter()
        .filter(|role| held.contains(&role.id))
        .map(|role| role.position);
    positions.max().unwrap_or(0)
}

fn role_ids(member: &Value) -> Vec<Id> {
    let roles = member["roles"].as_array().into_iter().flatten();
    roles.filter_map(|role| role.as_str()?.parse().ok()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn the_highest_of_the_roles_that_are_held_counts() {
        let role = |id, position| Role {
            id,
            name: String::new(),
            permissions: 0,
            position,
        };
        let roles = [role(1, 5), role(2, 9), role(3, 7)];
        assert_eq!(highest(&roles, &[1, 3]), 7);
        assert_eq!(highest(&roles, &[]), 0);
        assert_eq!(highest(&roles, &role_ids(&json!({ "roles": ["2", "x"] }))), 9);
        assert_eq!(role_ids(&json!({})), Vec::<Id>::new());
    }
}
