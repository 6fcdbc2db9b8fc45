//! From blocks to `samples.parquet` (and `samples.csv`): one column of one block in memory at a time, the same bytes
//! whoever computed the blocks.
//!
//! Parquet: uncompressed, no timestamps, values that do not exist are null (in CSV an empty field), row groups of a number
//! of blocks that follows from the sweep.

use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use parquet::basic::{Compression, LogicalType, Repetition, Type as Physical};
use parquet::column::writer::ColumnWriter;
use parquet::data_type::{ByteArray, ByteArrayType, DoubleType, Int64Type};
use parquet::errors::ParquetError;
use parquet::file::properties::{EnabledStatistics, WriterProperties, WriterVersion};
use parquet::file::writer::{SerializedColumnWriter, SerializedFileWriter};
use parquet::schema::types::{ColumnPath, Type};

use super::sheet::{Column, Kind};
use super::store::{Identity, part, read_column};
use crate::record::{push_name, push_number};

/// Most rows of a row group.
const MOST_ROWS: u64 = 65_536;
/// Most blocks of a row group: each is opened once for every column.
const MOST_BLOCKS: u64 = 256;
/// Name of the first column.
pub const SAMPLE: &str = "sample";

/// The blocks of a sweep, in order.
pub(super) struct Blocks<'a> {
    pub(super) identity: &'a Identity,
    /// Directories of their files.
    pub(super) dirs: &'a [PathBuf],
    /// Number and directory of each.
    pub(super) parts: Vec<(u64, usize)>,
}

impl Blocks<'_> {
    /// Calls `f` with a column's values in each of some blocks, in order.
    fn column<E: From<io::Error>>(
        &self,
        column: usize,
        range: std::ops::Range<usize>,
        mut f: impl FnMut(&[f64]) -> Result<(), E>,
    ) -> Result<(), E> {
        let (mut values, mut bytes) = (Vec::new(), Vec::new());
        for &(block, dir) in &self.parts[range] {
            values.resize(self.identity.rows(block), 0.0);
            read_column(&part(&self.dirs[dir], block), column, &mut values, &mut bytes)?;
            f(&values)?;
        }
        Ok(())
    }

    fn all(&self) -> std::ops::Range<usize> {
        0..self.parts.len()
    }

    /// All values of a column, block after block.
    pub(super) fn each(&self, column: usize, mut f: impl FnMut(f64)) -> io::Result<()> {
        self.column(column, self.all(), |values| {
            values.iter().for_each(|value| f(*value));
            Ok(())
        })
    }
}

/// Writes `samples.parquet`.
pub(super) fn parquet(blocks: &Blocks<'_>, path: &Path) -> io::Result<()> {
    let partial = path.with_extension("parquet.partial");
    let file = File::create(&partial)?;
    write_parquet(blocks, file.try_clone()?).map_err(|error| match error {
        ParquetError::External(inner) => match inner.downcast::<io::Error>() {
            Ok(error) => *error,
            Err(other) => io::Error::other(other),
        },
        other => io::Error::other(other),
    })?;
    file.sync_all()?;
    std::fs::rename(partial, path)
}

fn write_parquet(blocks: &Blocks<'_>, file: File) -> Result<(), ParquetError> {
    let identity = blocks.identity;
    let schema = Arc::new(schema(&identity.columns)?);
    let mut writer = SerializedFileWriter::new(file, schema, Arc::new(properties(&identity.columns)))?;
    #[allow(clippy::cast_possible_truncation, reason = "at most MOST_BLOCKS")]
    let together = (MOST_ROWS / identity.block).clamp(1, MOST_BLOCKS) as usize;
    for start in blocks.all().step_by(together) {
        let range = start..(start + together).min(blocks.parts.len());
        let mut group = writer.next_row_group()?;
        let mut index = 0;
        while let Some(mut out) = group.next_column()? {
            match index {
                0 => numbers_of_samples(blocks, range.clone(), &mut out)?,
                _ => write_column(blocks, index - 1, range.clone(), &mut out)?,
            }
            out.close()?;
            index += 1;
        }
        group.close()?;
    }
    writer.close()?;
    Ok(())
}

fn properties(columns: &[Column]) -> WriterProperties {
    let texts = columns.iter().filter(|c| matches!(c.kind, Kind::Text(_)));
    let builder = WriterProperties::builder()
        .set_created_by(format!("phasorbench {}", env!("CARGO_PKG_VERSION")))
        .set_writer_version(WriterVersion::PARQUET_1_0)
        .set_compression(Compression::UNCOMPRESSED)
        .set_dictionary_enabled(false)
        .set_statistics_enabled(EnabledStatistics::Chunk)
        .set_offset_index_disabled(true)
        .set_data_page_size_limit(1 << 16)
        .set_write_batch_size(1 << 12);
    texts.fold(builder, |b, c| b.set_column_dictionary_enabled(ColumnPath::new(vec![c.name.clone()]), true)).build()
}

fn schema(columns: &[Column]) -> Result<Type, ParquetError> {
    let sample = Type::primitive_type_builder(SAMPLE, Physical::INT64).with_repetition(Repetition::REQUIRED).build()?;
    let mut fields = vec![Arc::new(sample)];
    for column in columns {
        let (physical, logical) = match &column.kind {
            Kind::Number => (Physical::DOUBLE, None),
            Kind::Count => (Physical::INT64, None),
            Kind::Text(_) => (Physical::BYTE_ARRAY, Some(LogicalType::String)),
        };
        let field = Type::primitive_type_builder(&column.name, physical).with_logical_type(logical);
        fields.push(Arc::new(field.with_repetition(Repetition::OPTIONAL).build()?));
    }
    Type::group_type_builder("samples").with_fields(fields).build()
}

fn numbers_of_samples(
    blocks: &Blocks<'_>,
    range: std::ops::Range<usize>,
    out: &mut SerializedColumnWriter<'_>,
) -> Result<(), ParquetError> {
    let mut numbers: Vec<i64> = Vec::new();
    for (block, _) in &blocks.parts[range] {
        let first = i64::try_from(block * blocks.identity.block).unwrap_or(i64::MAX);
        numbers.clear();
        numbers.extend((first..).take(blocks.identity.rows(*block)));
        out.typed::<Int64Type>().write_batch(&numbers, None, None)?;
    }
    Ok(())
}

fn write_column(
    blocks: &Blocks<'_>,
    column: usize,
    range: std::ops::Range<usize>,
    out: &mut SerializedColumnWriter<'_>,
) -> Result<(), ParquetError> {
    let texts: Vec<ByteArray> = match &blocks.identity.columns[column].kind {
        Kind::Text(texts) => texts.iter().map(|text| ByteArray::from(text.as_str())).collect(),
        _ => Vec::new(),
    };
    let (mut there, mut present) = (Vec::<i16>::new(), Vec::<f64>::new());
    blocks.column(column, range, |values| {
        there.clear();
        there.extend(values.iter().map(|value| i16::from(!value.is_nan())));
        present.clear();
        present.extend(values.iter().filter(|value| !value.is_nan()));
        let levels = Some(there.as_slice());
        #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "counts and places")]
        match out.untyped() {
            ColumnWriter::DoubleColumnWriter(_) => out.typed::<DoubleType>().write_batch(&present, levels, None)?,
            ColumnWriter::Int64ColumnWriter(_) => {
                let whole: Vec<i64> = present.iter().map(|value| *value as i64).collect();
                out.typed::<Int64Type>().write_batch(&whole, levels, None)?
            }
            _ => {
                let text = |value: &f64| texts.get(*value as usize).cloned().unwrap_or_default();
                let words: Vec<ByteArray> = present.iter().map(text).collect();
                out.typed::<ByteArrayType>().write_batch(&words, levels, None)?
            }
        };
        Ok::<(), ParquetError>(())
    })
}

/// Writes `samples.csv`.
pub(super) fn csv(blocks: &Blocks<'_>, path: &Path) -> io::Result<()> {
    let partial = path.with_extension("csv.partial");
    let mut out = BufWriter::with_capacity(1 << 16, File::create(&partial)?);
    let columns = &blocks.identity.columns;
    let mut line = SAMPLE.to_owned();
    for column in columns {
        line.push(',');
        push_name(&mut line, &column.name);
    }
    let mut bytes = Vec::new();
    let mut values: Vec<Vec<f64>> = vec![Vec::new(); columns.len()];
    writeln!(out, "{line}")?;
    for &(block, dir) in &blocks.parts {
        let rows = blocks.identity.rows(block);
        let path = part(&blocks.dirs[dir], block);
        for (column, values) in values.iter_mut().enumerate() {
            values.resize(rows, 0.0);
            read_column(&path, column, values, &mut bytes)?;
        }
        for row in 0..rows {
            line.clear();
            line += &(block * blocks.identity.block + row as u64).to_string();
            for (column, values) in columns.iter().zip(&values) {
                line.push(',');
                push_value(&mut line, column, values[row]);
            }
            line.push('\n');
            out.write_all(line.as_bytes())?;
        }
    }
    let file = out.into_inner().map_err(io::IntoInnerError::into_error)?;
    file.sync_all()?;
    std::fs::rename(partial, path)
}

#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a place among texts")]
fn push_value(line: &mut String, column: &Column, value: f64) {
    match &column.kind {
        Kind::Text(texts) if !value.is_nan() => {
            push_name(line, texts.get(value as usize).map_or("", String::as_str));
        }
        _ => push_number(line, value),
    }
}
