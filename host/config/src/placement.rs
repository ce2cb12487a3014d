//! Which pod takes a guild, and which guilds move so that pods carry alike. Pure: it sees figures and answers names.

use guildhall_fleet::{PlannedMove, Pod, PodState};
use guildhall_model::GuildId;

/// A pod with room, as placement goes on filling it.
#[derive(Clone, Debug)]
pub(crate) struct Candidate {
    pub(crate) name: String,
    capacity: u32,
    guilds: u32,
    events_per_second: f64,
    bytes: f64,
}

/// The active pods.
pub(crate) struct Candidates(Vec<Candidate>);

impl Candidates {
    pub(crate) fn of(pods: &[Pod]) -> Self {
        let active = pods.iter().filter(|pod| pod.state == PodState::Active);
        Self(
            active
                .map(|pod| Candidate {
                    name: pod.name.clone(),
                    capacity: pod.capacity,
                    guilds: pod.guilds,
                    events_per_second: pod.load.events_per_second,
                    bytes: pod.load.bytes as f64,
                })
                .collect(),
        )
    }

    /// Takes a place on the pod with the least load that has room; `None` where none has.
    pub(crate) fn place(&mut self) -> Option<String> {
        let total_events: f64 = self.0.iter().map(|pod| pod.events_per_second).sum();
        let total_bytes: f64 = self.0.iter().map(|pod| pod.bytes).sum();
        let share = |part: f64, total: f64| if total > 0.0 { part / total } else { 0.0 };
        let load = |pod: &Candidate| {
            f64::from(pod.guilds) / f64::from(pod.capacity)
                + share(pod.events_per_second, total_events)
                + share(pod.bytes, total_bytes)
        };
        let chosen = self
            .0
            .iter_mut()
            .filter(|pod| pod.guilds < pod.capacity)
            .min_by(|one, other| {
                load(one)
                    .total_cmp(&load(other))
                    .then_with(|| one.name.cmp(&other.name))
            })?;
        chosen.guilds += 1;
        Some(chosen.name.clone())
    }
}

/// A guild as rebalancing sees it.
#[derive(Clone, Debug)]
pub(crate) struct Placed {
    pub(crate) guild: GuildId,
    pub(crate) pod: String,
    pub(crate) events_per_second: f64,
    pub(crate) bytes: f64,
    /// Pinned or moving: it counts, and stays.
    pub(crate) stays: bool,
}

struct Bin {
    name: String,
    capacity: f64,
    places: usize,
    load: f64,
    /// Guilds that may go, the lightest first.
    movable: Vec<(GuildId, f64)>,
    taken: usize,
}

impl Bin {
    /// Load for each place: 1 is the fleet's average.
    fn level(&self) -> f64 {
        self.load / self.capacity
    }
}

/// Moves that bring every pod within `hysteresis` of the average, the heaviest guilds first so that few move. No moves
/// when all are within it already.
pub(crate) fn rebalance(pods: &[Pod], guilds: &[Placed], hysteresis: f64) -> Vec<PlannedMove> {
    let active: Vec<_> = pods
        .iter()
        .filter(|pod| pod.state == PodState::Active && pod.capacity > 0)
        .collect();
    let places: f64 = active.iter().map(|pod| f64::from(pod.capacity)).sum();
    let events: f64 = guilds.iter().map(|guild| guild.events_per_second).sum();
    let bytes: f64 = guilds.iter().map(|guild| guild.bytes).sum();
    let each = 1.0 / guilds.len().max(1) as f64;
    let share = |part: f64, total: f64| if total > 0.0 { part / total } else { each };
    let weight = |guild: &Placed| (each + share(guild.events_per_second, events) + share(guild.bytes, bytes)) / 3.0;
    let mut bins: Vec<Bin> = active
        .iter()
        .map(|pod| {
            let here: Vec<_> = guilds.iter().filter(|guild| guild.pod == pod.name).collect();
            let mut movable: Vec<_> = here
                .iter()
                .filter(|guild| !guild.stays)
                .map(|guild| (guild.guild, weight(guild)))
                .collect();
            movable.sort_by(|one, other| one.1.total_cmp(&other.1).then(other.0.cmp(&one.0)));
            Bin {
                name: pod.name.clone(),
                capacity: f64::from(pod.capacity) / places,
                places: pod.capacity as usize,
                load: here.iter().map(|guild| weight(guild)).sum(),
                taken: here.len(),
                movable,
            }
        })
        .collect();
    let average = bins.iter().map(|bin| bin.load).sum::<f64>();
    let mut moves = Vec::new();
    if bins.len() < 2
        || bins
            .iter()
            .all(|bin| (bin.level() - average).abs() <= hysteresis * average)
    {
        return moves;
    }
    loop {
        bins.sort_by(|one, other| {
            one.level()
                .total_cmp(&other.level())
                .then_with(|| one.name.cmp(&other.name))
        });
        let Some(receiver) = bins.iter().position(|bin| bin.taken < bin.places) else {
            return moves;
        };
        let giver = bins.len() - 1;
        if receiver == giver {
            return moves;
        }
        let (low, high) = (&bins[receiver], &bins[giver]);
        // The heaviest guild that leaves the giver no lower than the receiver becomes.
        let fits = high.movable.iter().rposition(|(_, weight)| {
            (low.load + weight) / low.capacity <= (high.load - weight) / high.capacity + f64::EPSILON
        });
        let Some(fits) = fits else { return moves };
        let (guild, weight) = bins[giver].movable.remove(fits);
        moves.push(PlannedMove {
            guild,
            from: bins[giver].name.clone(),
            to: bins[receiver].name.clone(),
        });
        bins[giver].load -= weight;
        bins[giver].taken -= 1;
        bins[receiver].load += weight;
        bins[receiver].taken += 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use guildhall_fleet::Load;
    use std::collections::BTreeMap;

    fn pod(name: &str, capacity: u32, guilds: u32) -> Pod {
        Pod {
            name: name.into(),
            url: String::new(),
            build: String::new(),
            capacity,
            state: PodState::Active,
            incarnation: 1,
            guilds,
            load: Load::default(),
            revision: 0,
        }
    }

    fn placed(guild: u64, pod: &str, events_per_second: f64) -> Placed {
        Placed {
            guild: GuildId(guild),
            pod: pod.into(),
            events_per_second,
            bytes: 0.0,
            stays: false,
        }
    }

    #[test]
    fn new_guilds_go_where_there_is_most_room() {
        let mut candidates = Candidates::of(&[pod("a", 4, 2), pod("b", 4, 0), pod("c", 1, 1)]);
        let placed: Vec<_> = std::iter::from_fn(|| candidates.place()).collect();
        assert_eq!(placed, ["b", "b", "a", "b", "a", "b"], "and none goes to the full one");
    }

    #[test]
    fn a_third_pod_takes_a_third_and_nothing_else_moves() {
        let pods = [pod("a", 2000, 500), pod("b", 2000, 500), pod("c", 2000, 0)];
        let guilds: Vec<_> = (0..1000)
            .map(|guild| placed(guild, if guild % 2 == 0 { "a" } else { "b" }, 1.0))
            .collect();
        let moves = rebalance(&pods, &guilds, 0.1);
        let mut to = BTreeMap::<_, u32>::new();
        moves
            .iter()
            .for_each(|planned| *to.entry(planned.to.as_str()).or_default() += 1);
        assert_eq!(to, BTreeMap::from([("c", 333)]));
        let after: Vec<_> = guilds
            .into_iter()
            .map(|mut guild| {
                if let Some(planned) = moves.iter().find(|planned| planned.guild == guild.guild) {
                    guild.pod.clone_from(&planned.to);
                }
                guild
            })
            .collect();
        assert_eq!(rebalance(&pods, &after, 0.1), [], "it does not thrash");
    }

    #[test]
    fn load_counts_and_pinned_guilds_stay() {
        let pods = [pod("a", 100, 3), pod("b", 100, 0)];
        let mut guilds = vec![placed(1, "a", 100.0), placed(2, "a", 1.0), placed(3, "a", 90.0)];
        guilds[0].stays = true;
        let moves = rebalance(&pods, &guilds, 0.1);
        assert_eq!(moves.iter().map(|planned| planned.guild.0).collect::<Vec<_>>(), [3]);
    }
}
