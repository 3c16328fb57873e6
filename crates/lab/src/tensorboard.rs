//! `TensorBoard` event files: scalars by name and step, in the format that `TensorBoard` reads.
//!
//! A file is a sequence of `TFRecord`s (`TensorFlow`, `tensorflow/core/lib/io/record_writer.h`): length as a 64-bit
//! little-endian number, masked CRC-32C of it, payload, masked CRC-32C of that. The payload is an `Event` message
//! (`tensorflow/core/util/event.proto`), whose five fields that scalars need are encoded by hand: `wall_time` = 1
//! (double), `step` = 2 (int64), `file_version` = 3 (string), `summary` = 5 and `session_log` = 7.
//!
//! Left out: everything but scalars, and the clock, whose seconds are an argument.

use crate::{Error, Result, files};
use std::{
    fs::{self, File, OpenOptions},
    io::Write,
    path::{Path, PathBuf},
};

/// What a file opens with; since version 2 a session's start discards later steps of earlier files.
const VERSION: &str = "brain.Event:2";
/// `SessionLog.status` of a start.
const START: u64 = 1;
/// Bytes of a record besides its payload.
const FRAME: usize = 16;

/// The event file that a run appends to.
#[derive(Debug)]
pub struct EventFile {
    file: File,
    path: PathBuf,
}

/// A scalar as read back.
#[derive(Clone, Debug, PartialEq)]
pub struct Scalar {
    /// Name, such as `rollout/ep_rew_mean`.
    pub tag: String,
    /// Environment steps.
    pub step: u64,
    /// Value; `TensorBoard` keeps single precision.
    pub value: f32,
}

impl EventFile {
    /// Begins a file in `dir` for a run that has made `step` steps at `wall_time` (seconds since 1970). What earlier
    /// files hold beyond that step, or half a record at their end, is cut off: a run that was killed and goes on
    /// writes those steps again.
    ///
    /// # Errors
    /// [`Error::Read`] or [`Error::Write`] with the path.
    pub fn begin(dir: &Path, step: u64, wall_time: f64) -> Result<Self> {
        files::create_dir(dir)?;
        let earlier = event_files(dir)?;
        for path in &earlier {
            cut_back(path, step)?;
        }
        // TensorBoard reads the files of a directory in the order of their names.
        let name = format!("events.out.tfevents.{:010}.{:04}.trimtab", wall_time as u64, earlier.len());
        let path = dir.join(name);
        let open = OpenOptions::new().append(true).create_new(true).open(&path);
        let file = open.map_err(|source| Error::Write { path: path.clone(), source })?;
        let mut this = Self { file, path };
        let mut version = wall(wall_time);
        bytes_field(&mut version, 3, VERSION.as_bytes());
        this.write(&version)?;
        if step > 0 {
            let mut start = event(wall_time, step + 1);
            bytes_field(&mut start, 7, &[key(1, 0) as u8, START as u8]);
            this.write(&start)?;
        }
        Ok(this)
    }

    /// Appends scalars of a step; those that are not finite too, which `TensorBoard` draws as triangles.
    ///
    /// # Errors
    /// [`Error::Write`] with the path.
    pub fn scalars<'a>(
        &mut self,
        step: u64,
        wall_time: f64,
        scalars: impl Iterator<Item = (&'a str, f64)>,
    ) -> Result<()> {
        let mut summary = Vec::new();
        for (tag, value) in scalars {
            let mut entry = Vec::with_capacity(tag.len() + 8);
            bytes_field(&mut entry, 1, tag.as_bytes());
            varint(&mut entry, key(2, 5));
            entry.extend((value as f32).to_le_bytes());
            bytes_field(&mut summary, 1, &entry);
        }
        let mut event = event(wall_time, step);
        bytes_field(&mut event, 5, &summary);
        self.write(&event)
    }

    fn write(&mut self, payload: &[u8]) -> Result<()> {
        let length = (payload.len() as u64).to_le_bytes();
        let mut record = Vec::with_capacity(payload.len() + FRAME);
        record.extend(length);
        record.extend(masked(&length));
        record.extend(payload);
        record.extend(masked(payload));
        self.file.write_all(&record).map_err(|source| Error::Write { path: self.path.clone(), source })
    }
}

/// All scalars of the event files in `dir`, in order.
///
/// # Errors
/// [`Error::Read`] with the path, or [`Error::Run`] for a file that does not end with a whole record.
pub fn read(dir: &Path) -> Result<Vec<Scalar>> {
    let mut scalars = Vec::new();
    for path in event_files(dir)? {
        let bytes = files::read_bytes(&path)?;
        let mut end = 0;
        for record in records(&bytes) {
            end += record.len() + FRAME;
            let step = number(record, 2);
            for value in fields(record).filter(|f| f.0 == 5).flat_map(|f| fields(f.1)) {
                let tag = fields(value.1).find(|f| f.0 == 1).map_or(&[][..], |f| f.1);
                let number = fields(value.1).find(|f| f.0 == 2).and_then(|f| f.1.try_into().ok());
                scalars.push(Scalar {
                    tag: String::from_utf8_lossy(tag).into_owned(),
                    step,
                    value: number.map_or(f32::NAN, f32::from_le_bytes),
                });
            }
        }
        if end != bytes.len() {
            return Err(Error::run(path, format!("is damaged after byte {end}, expected a whole record")));
        }
    }
    Ok(scalars)
}

fn event_files(dir: &Path) -> Result<Vec<PathBuf>> {
    let entries = fs::read_dir(dir).map_err(|source| Error::Read { path: dir.to_owned(), source })?;
    let mut found: Vec<PathBuf> = entries
        .filter_map(|entry| Some(entry.ok()?.path()))
        .filter(|path| path.file_name().is_some_and(|name| name.to_string_lossy().contains(".tfevents.")))
        .collect();
    found.sort();
    Ok(found)
}

fn cut_back(path: &Path, step: u64) -> Result<()> {
    let bytes = files::read_bytes(path)?;
    let kept = records(&bytes).take_while(|record| number(record, 2) <= step);
    let length: usize = kept.map(|record| record.len() + FRAME).sum();
    if length == bytes.len() {
        return Ok(());
    }
    let cut = OpenOptions::new().write(true).open(path).and_then(|file| file.set_len(length as u64));
    cut.map_err(|source| Error::Write { path: path.to_owned(), source })
}

/// The payloads of all whole records from the start.
fn records(bytes: &[u8]) -> impl Iterator<Item = &[u8]> {
    let mut rest = bytes;
    std::iter::from_fn(move || {
        let (length, after) = rest.split_first_chunk::<8>()?;
        let (check, after) = after.split_first_chunk::<4>()?;
        let size = usize::try_from(u64::from_le_bytes(*length)).ok()?;
        let (payload, after) = (masked(length) == *check).then(|| after.split_at_checked(size))??;
        let (check, after) = after.split_first_chunk::<4>()?;
        rest = after;
        (masked(payload) == *check).then_some(payload)
    })
}

/// `TFRecord`'s checksum: rotated and offset, because a checksum of data that holds checksums is weak.
fn masked(bytes: &[u8]) -> [u8; 4] {
    crc32c::crc32c(bytes).rotate_right(15).wrapping_add(0xa282_ead8).to_le_bytes()
}

fn wall(wall_time: f64) -> Vec<u8> {
    let mut event = Vec::with_capacity(64);
    varint(&mut event, key(1, 1));
    event.extend(wall_time.to_le_bytes());
    event
}

fn event(wall_time: f64, step: u64) -> Vec<u8> {
    let mut event = wall(wall_time);
    varint(&mut event, key(2, 0));
    varint(&mut event, step);
    event
}

/// A field's number and wire type (0 varint, 1 eight bytes, 2 length and bytes, 5 four bytes).
const fn key(field: u64, wire: u64) -> u64 {
    field << 3 | wire
}

fn bytes_field(out: &mut Vec<u8>, field: u64, bytes: &[u8]) {
    varint(out, key(field, 2));
    varint(out, bytes.len() as u64);
    out.extend(bytes);
}

fn varint(out: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        out.push(value as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

/// Numbers and contents of a message's fields; a varint's content is its encoding.
fn fields(message: &[u8]) -> impl Iterator<Item = (u64, &[u8])> {
    let mut rest = message;
    std::iter::from_fn(move || {
        let (key, after) = read_varint(rest)?;
        let (content, after) = match key & 7 {
            0 => after.split_at_checked(after.iter().position(|byte| byte & 0x80 == 0)? + 1)?,
            1 => after.split_at_checked(8)?,
            2 => {
                let (length, after) = read_varint(after)?;
                after.split_at_checked(usize::try_from(length).ok()?)?
            }
            5 => after.split_at_checked(4)?,
            _ => return None,
        };
        rest = after;
        Some((key >> 3, content))
    })
}

fn read_varint(bytes: &[u8]) -> Option<(u64, &[u8])> {
    let end = bytes.iter().take(10).position(|byte| byte & 0x80 == 0)? + 1;
    let value = bytes[..end].iter().rev().fold(0u64, |value, byte| value << 7 | u64::from(byte & 0x7f));
    Some((value, &bytes[end..]))
}

/// The varint in a field of a message; 0 where it is absent, as in the format.
fn number(message: &[u8], field: u64) -> u64 {
    fields(message).find(|f| f.0 == field).and_then(|f| read_varint(f.1)).map_or(0, |(value, _)| value)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn write(dir: &Path, from: u64, steps: &[u64]) -> EventFile {
        let mut file = EventFile::begin(dir, from, 1.5e9).unwrap();
        for &step in steps {
            let scalars = [("rollout/ep_rew_mean", step as f64), ("time/fps", 7.0)];
            file.scalars(step, 1.5e9, scalars.into_iter()).unwrap();
        }
        file
    }

    fn steps(dir: &Path) -> Vec<u64> {
        let scalars = read(dir).unwrap();
        scalars.iter().filter(|s| s.tag == "rollout/ep_rew_mean").map(|s| s.step).collect()
    }

    #[test]
    fn records_are_framed_as_tensorflow_does() {
        let temp = tempfile::tempdir().unwrap();
        let file = write(temp.path(), 0, &[]);
        let bytes = fs::read(&file.path).unwrap();
        let digit = |nibble: u8| char::from_digit(nibble.into(), 16).unwrap();
        let hex: String = bytes.iter().flat_map(|byte| [digit(byte >> 4), digit(byte & 15)]).collect();
        // What tensorboard 2.21's own `RecordWriter` makes of `Event(wall_time=1.5e9, file_version="brain.Event:2")`.
        let expected = "1800000000000000a37f4b2209000000c00b5ad6411a0d627261696e2e4576656e743a324ca9a464";
        assert_eq!(hex, expected);
    }

    #[test]
    fn scalars_are_read_back_as_written() {
        let temp = tempfile::tempdir().unwrap();
        write(temp.path(), 0, &[2048, 300_000_000_000]);
        let scalars = read(temp.path()).unwrap();
        assert_eq!(scalars.len(), 4);
        assert_eq!(scalars[1], Scalar { tag: "time/fps".to_owned(), step: 2048, value: 7.0 });
        assert_eq!((scalars[2].step, scalars[2].value), (300_000_000_000, 3e11));
    }

    #[test]
    fn a_resumed_run_holds_each_step_once() {
        let temp = tempfile::tempdir().unwrap();
        write(temp.path(), 0, &[10, 20, 30, 40]);
        write(temp.path(), 20, &[30, 40, 50]);
        assert_eq!(steps(temp.path()), [10, 20, 30, 40, 50]);
    }

    #[test]
    fn half_a_record_is_cut_off_and_a_damaged_file_is_named() {
        let temp = tempfile::tempdir().unwrap();
        let path = write(temp.path(), 0, &[10, 20]).path;
        let length = fs::metadata(&path).unwrap().len();
        OpenOptions::new().write(true).open(&path).unwrap().set_len(length - 3).unwrap();
        assert!(read(temp.path()).unwrap_err().to_string().contains("damaged after byte"));
        write(temp.path(), 10, &[20]);
        assert_eq!(steps(temp.path()), [10, 20]);
    }
}
