//! A checksum over rows that does not depend on their order: SHA-256 of each row, added up. Rows of the source, as they
//! are to be written, and rows of the guild's file, as they were written, go through the same function.

use rusqlite::types::Value;
use sha2::{Digest, Sha256};

/// The rows of one table, so far.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub(crate) struct Checksum {
    /// How many.
    pub(crate) rows: u64,
    sum: [u64; 4],
}

impl Checksum {
    /// Adds a row: its values in the order of the table's columns.
    pub(crate) fn add<'a>(&mut self, row: impl IntoIterator<Item = &'a Value>) {
        let mut digest = Sha256::new();
        for value in row {
            // Kind and length before each value: no two rows look alike because of where a value ends.
            match value {
                Value::Null => digest.update([0]),
                Value::Integer(number) => {
                    digest.update([1]);
                    digest.update(number.to_le_bytes());
                }
                Value::Real(number) => {
                    digest.update([2]);
                    digest.update(number.to_bits().to_le_bytes());
                }
                Value::Text(text) => {
                    digest.update([3]);
                    digest.update((text.len() as u64).to_le_bytes());
                    digest.update(text);
                }
                Value::Blob(bytes) => {
                    digest.update([4]);
                    digest.update((bytes.len() as u64).to_le_bytes());
                    digest.update(bytes);
                }
            }
        }
        let digest = digest.finalize();
        for (sum, bytes) in self.sum.iter_mut().zip(digest.as_chunks::<8>().0) {
            *sum = sum.wrapping_add(u64::from_le_bytes(*bytes));
        }
        self.rows += 1;
    }

    /// In hexadecimal.
    pub(crate) fn text(&self) -> String {
        self.sum.map(|part| hex::encode(part.to_be_bytes())).concat()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(rows: &[Vec<Value>]) -> Checksum {
        let mut checksum = Checksum::default();
        rows.iter().for_each(|row| checksum.add(row));
        checksum
    }

    #[test]
    fn order_does_not_matter_and_everything_else_does() {
        let text = |text: &str| Value::Text(text.into());
        let (a, b) = (vec![text("ab"), text("c")], vec![Value::Integer(1), Value::Null]);
        assert_eq!(of(&[a.clone(), b.clone()]), of(&[b.clone(), a.clone()]));
        assert_ne!(of(std::slice::from_ref(&a)), of(&[vec![text("a"), text("bc")]]));
        assert_ne!(of(std::slice::from_ref(&a)), of(&[a.clone(), a.clone()]));
        assert_ne!(of(&[b.clone(), b.clone()]), of(&[a.clone(), a]));
        assert_ne!(of(&[vec![Value::Integer(1)]]), of(&[vec![text("1")]]));
    }
}
