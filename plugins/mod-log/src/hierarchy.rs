//! Who may act upon whom. Discord compares the bot's role with the target's, not the clicker's: without this a helper with
//! a button could ban the head of the moderators.

use guildhall_sdk::{Context, Id, Member, Role};

/// Why this moderator must not act upon this member; none where they may.
pub(crate) fn objection(
    context: &Context,
    moderator: Id,
    moderators_roles: &[Id],
    target: &Member,
) -> Option<&'static str> {
    let info = context.info();
    let owner = info.as_ref().map(|info| info.owner);
    if owner == Some(target.user.id) {
        return Some("nobody can do that to the server's owner");
    }
    if info.is_some_and(|info| info.own_user == target.user.id) {
        return Some("I do not do that to myself");
    }
    let roles = context.roles();
    if owner != Some(moderator) && rank(&roles, moderators_roles) <= rank(&roles, &target.roles) {
        return Some("your highest role does not stand above theirs");
    }
    None
}

/// Why the bot cannot give this role; none where it can.
pub(crate) fn role_objection(context: &Context, role: Id) -> Option<&'static str> {
    let roles = context.roles();
    let Some(role) = roles.iter().find(|known| known.id == role) else {
        return Some("the restricted role does not exist any more; an administrator sets another with /setup");
    };
    let own = context.own_member()?;
    (rank(&roles, &own.roles) <= role.position)
        .then_some("my highest role does not stand above the restricted role: move it up in the server's list of roles")
}

/// The position of the highest of these roles.
fn rank(roles: &[Role], held: &[Id]) -> i32 {
    let held = roles.iter().filter(|role| held.contains(&role.id));
    held.map(|role| role.position).max().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_highest_role_counts_and_no_role_is_the_lowest() {
        let role = |id, position| Role {
            id,
            name: String::new(),
            permissions: 0,
            position,
        };
        let roles = [role(1, 0), role(2, 5), role(3, 3)];
        assert_eq!(rank(&roles, &[3, 2]), 5);
        assert_eq!(rank(&roles, &[3, 99]), 3);
        assert_eq!(rank(&roles, &[]), 0);
    }
}
