//! The strikes in the guild's database.

use guildhall_sdk::{Database, Error, Id, Message, Timestamp, params};

pub fn add(message: &Message, keyword: &str, now: Timestamp) -> Result<(), Error> {
    let sql = "INSERT INTO keyword_strikes_strikes (message, user, keyword, at) VALUES (?1, ?2, ?3, ?4)";
    Database::open()?.execute(sql, params![message.id, message.author.id, keyword, now])?;
    Ok(())
}

/// The keywords and times of the user's strikes, the newest first.
pub fn of(user: Id) -> Result<Vec<(String, Timestamp)>, Error> {
    let sql = "SELECT keyword, at FROM keyword_strikes_strikes WHERE user = ?1 ORDER BY message DESC";
    Database::open()?.query(sql, params![user])
}

pub fn clear(user: Id) -> Result<(), Error> {
    Database::open()?.execute("DELETE FROM keyword_strikes_strikes WHERE user = ?1", params![user])?;
    Ok(())
}

/// Forgets strikes of this moment and before; answers how many.
pub fn forgive(until: Timestamp) -> Result<u64, Error> {
    Database::open()?.execute("DELETE FROM keyword_strikes_strikes WHERE at <= ?1", params![until])
}
