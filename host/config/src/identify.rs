//! Turns to IDENTIFY, across all pods: one session per key of `shard % max_concurrency` and period, within the day's
//! budget (Discord, Gateway, Session Start Limit).

use crate::Service;
use crate::database::Transact;
use crate::error::ConfigError;
use crate::guilds::check_lease;
use guildhall_fleet::{Ticket, TicketRequest};

/// Session starts that are left to people for emergencies.
const RESERVE: u32 = 50;

impl Service {
    /// Grants a turn, after some milliseconds.
    pub async fn ticket(&self, request: &TicketRequest) -> Result<Ticket, ConfigError> {
        let mut connection = self.database.connection().await?;
        let change = Transact::begin(&mut connection).await?;
        check_lease(&change, &request.pod, request.incarnation).await?;
        let reset_after = request.reset_after_ms as f64 / 1000.0;
        // The least of what Discord told and what was granted counts, until the budget is new.
        let budget = change
            .transaction
            .query_one(
                "INSERT INTO identify_budget (remaining, resets_at) VALUES ($1, now() + make_interval(secs => $2))
                 ON CONFLICT (one) DO UPDATE SET
                     remaining = CASE WHEN identify_budget.resets_at <= now() THEN $3
                                      ELSE least(identify_budget.remaining, $1) END,
                     resets_at = CASE WHEN identify_budget.resets_at <= now() THEN now() + make_interval(secs => $2)
                                      ELSE identify_budget.resets_at END
                 RETURNING remaining, extract(epoch FROM resets_at - now())::float8",
                &[
                    &request.remaining.cast_signed(),
                    &reset_after,
                    &request.total.cast_signed(),
                ],
            )
            .await?;
        let (remaining, resets_in): (i32, f64) = (budget.get(0), budget.get(1));
        if i64::from(remaining) <= i64::from(RESERVE.min(request.total / 2)) {
            tracing::error!(
                remaining,
                "the bot has nearly spent its session starts; new sessions wait until Discord grants more"
            );
            return Ok(Ticket {
                wait_ms: (resets_in.max(1.0) * 1000.0) as u64,
            });
        }
        change
            .transaction
            .execute("UPDATE identify_budget SET remaining = remaining - 1", &[])
            .await?;
        let key = (request.shard % request.max_concurrency.max(1)).cast_signed();
        let period = request.period_ms as f64 / 1000.0;
        let turn = change
            .transaction
            .query_one(
                "INSERT INTO identify_turns (key, next_at) VALUES ($1, now() + make_interval(secs => $2))
                 ON CONFLICT (key) DO UPDATE SET
                     next_at = greatest(identify_turns.next_at, now()) + make_interval(secs => $2)
                 RETURNING extract(epoch FROM next_at - now())::float8",
                &[&key, &period],
            )
            .await?;
        change.commit().await?;
        let until_next: f64 = turn.get(0);
        Ok(Ticket {
            wait_ms: ((until_next - period).max(0.0) * 1000.0) as u64,
        })
    }
}
