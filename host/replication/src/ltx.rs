//! Reads the objects that Litestream keeps: LTX files, version 3 with a size before every page, as Litestream writes them
//! since 0.5.3. Knows neither buckets nor which objects make up a state.
//!
//! The format: <https://github.com/superfly/ltx>. A header of 100 bytes; pages, each a number, flags, a size and an LZ4 block;
//! six zero bytes; an index of the pages, not needed here; and a trailer with the checksum of everything, pages uncompressed.

use crc_fast::{CrcAlgorithm, Digest};

const MAGIC: &[u8] = b"LTX1";
const HEADER_BYTES: usize = 100;
const TRAILER_BYTES: usize = 16;
/// The only header flag: no checksums of the whole database are kept.
const NO_CHECKSUM: u32 = 1 << 1;
/// The only page flag: a size and an LZ4 block follow. Without it the page is an LZ4 frame, as older versions wrote it.
const SIZED: u16 = 1;
/// Set in every checksum.
const CHECKSUM: u64 = 1 << 63;

/// Why an object cannot be used.
#[derive(Debug, thiserror::Error, PartialEq)]
pub(crate) enum LtxError {
    /// Another format, or an older one.
    #[error("it is no LTX file of version 3 with sized pages")]
    Format,
    /// It ends too early, or goes on too long.
    #[error("it is cut off or grown")]
    Length,
    /// The page is not what LZ4 made.
    #[error("page {0} cannot be unpacked")]
    Page(u32),
    /// It is not what was written.
    #[error("its checksum is wrong")]
    Checksum,
}

/// What an object says of itself.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Header {
    /// Bytes of a page.
    pub(crate) page_bytes: usize,
    /// Pages of the database after these transactions.
    pub(crate) pages: u32,
    /// The first transaction.
    pub(crate) first: u64,
    /// The last transaction.
    pub(crate) last: u64,
}

/// Hands every page to `page`, by its number from 1 on. What it was handed counts only when the answer is `Ok`.
pub(crate) fn decode<E: From<LtxError>>(
    object: &[u8],
    mut page: impl FnMut(&Header, u32, &[u8]) -> Result<(), E>,
) -> Result<Header, E> {
    let mut reader = Reader {
        rest: object,
        digest: Digest::new(CrcAlgorithm::Crc64GoIso),
    };
    let header = header(reader.take(HEADER_BYTES)?)?;
    let mut data = vec![0; header.page_bytes];
    loop {
        let number = u32::from_be_bytes(reader.array()?);
        let flags = u16::from_be_bytes(reader.array()?);
        if number == 0 && flags == 0 {
            break;
        }
        if flags != SIZED {
            return Err(LtxError::Format.into());
        }
        let packed = u32::from_be_bytes(reader.array()?);
        let packed = reader.skip(packed as usize)?;
        let unpacked = lz4_flex::block::decompress_into(packed, &mut data).ok();
        if unpacked != Some(header.page_bytes) {
            return Err(LtxError::Page(number).into());
        }
        reader.digest.update(&data);
        page(&header, number, &data)?;
    }
    let index = reader.rest.len().checked_sub(TRAILER_BYTES).ok_or(LtxError::Length)?;
    reader.take(index)?;
    let _of_the_database: [u8; 8] = reader.array()?;
    let found = CHECKSUM | reader.digest.finalize();
    let told: [u8; 8] = reader.rest.try_into().map_err(|_| LtxError::Length)?;
    if u64::from_be_bytes(told) == found {
        Ok(header)
    } else {
        Err(LtxError::Checksum.into())
    }
}

fn header(bytes: &[u8]) -> Result<Header, LtxError> {
    let mut reader = Reader {
        rest: bytes,
        digest: Digest::new(CrcAlgorithm::Crc64GoIso),
    };
    if reader.skip(MAGIC.len())? != MAGIC || u32::from_be_bytes(reader.array()?) & !NO_CHECKSUM != 0 {
        return Err(LtxError::Format);
    }
    let page_bytes = u32::from_be_bytes(reader.array()?);
    // SQLite, Database File Format: 512 to 65536, a power of two.
    if !page_bytes.is_power_of_two() || !(512..=65536).contains(&page_bytes) {
        return Err(LtxError::Format);
    }
    Ok(Header {
        page_bytes: page_bytes as usize,
        pages: u32::from_be_bytes(reader.array()?),
        first: u64::from_be_bytes(reader.array()?),
        last: u64::from_be_bytes(reader.array()?),
    })
}

/// What is left of an object, and the checksum of what was taken.
struct Reader<'object> {
    rest: &'object [u8],
    digest: Digest,
}

impl<'object> Reader<'object> {
    /// So many bytes, that the checksum does not count as they are.
    fn skip(&mut self, bytes: usize) -> Result<&'object [u8], LtxError> {
        let (taken, rest) = self.rest.split_at_checked(bytes).ok_or(LtxError::Length)?;
        self.rest = rest;
        Ok(taken)
    }

    fn take(&mut self, bytes: usize) -> Result<&'object [u8], LtxError> {
        let taken = self.skip(bytes)?;
        self.digest.update(taken);
        Ok(taken)
    }

    fn array<const BYTES: usize>(&mut self) -> Result<[u8; BYTES], LtxError> {
        let taken = self.take(BYTES)?;
        taken.try_into().map_err(|_| LtxError::Length)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// An object with these pages, each full of its number.
    fn object(numbers: &[u32]) -> Vec<u8> {
        let mut digest = Digest::new(CrcAlgorithm::Crc64GoIso);
        let mut object = Vec::new();
        object.extend(MAGIC);
        object.extend(NO_CHECKSUM.to_be_bytes());
        object.extend(512_u32.to_be_bytes());
        object.extend(9_u32.to_be_bytes());
        object.extend(3_u64.to_be_bytes());
        object.extend(5_u64.to_be_bytes());
        object.resize(HEADER_BYTES, 0);
        digest.update(&object);
        for number in numbers {
            let page = vec![*number as u8; 512];
            let packed = lz4_flex::block::compress(&page);
            let mut head = number.to_be_bytes().to_vec();
            head.extend(SIZED.to_be_bytes());
            head.extend((packed.len() as u32).to_be_bytes());
            digest.update(&head);
            digest.update(&page);
            object.extend(head);
            object.extend(packed);
        }
        let mut tail = vec![0; 6];
        tail.extend(b"index");
        tail.extend([0; 8]);
        digest.update(&tail);
        object.extend(tail);
        object.extend((CHECKSUM | digest.finalize()).to_be_bytes());
        object
    }

    fn pages(object: &[u8]) -> Result<(Header, Vec<(u32, u8)>), LtxError> {
        let mut pages = Vec::new();
        let header = decode::<LtxError>(object, |_, number, page| {
            pages.push((number, page[511]));
            Ok(())
        })?;
        Ok((header, pages))
    }

    #[test]
    fn pages_come_out_as_they_went_in() {
        let (header, pages) = pages(&object(&[1, 2, 7])).expect("a whole object");
        assert_eq!((header.pages, header.first, header.last), (9, 3, 5));
        assert_eq!(pages, [(1, 1), (2, 2), (7, 7)]);
    }

    #[test]
    fn no_changed_byte_and_no_missing_one_goes_unseen() {
        let whole = object(&[1, 2, 7]);
        for place in 0..whole.len() {
            let mut flipped = whole.clone();
            flipped[place] ^= 0x10;
            assert!(pages(&flipped).is_err(), "byte {place}");
            assert!(pages(&whole[..place]).is_err(), "cut off at {place}");
        }
        let mut grown = whole;
        grown.push(0);
        assert!(pages(&grown).is_err());
    }
}
