//! From the values and levels of a column chunk to cells.

use parquet::basic::{ConvertedType, LogicalType, TimeUnit};
use parquet::column::reader::{ColumnReader, ColumnReaderImpl};
use parquet::data_type::DataType;
use parquet::errors::ParquetError;
use parquet::file::reader::RowGroupReader;
use parquet::schema::types::ColumnDescriptor;

use crate::Value;
use crate::date::civil;
use crate::source::MAX_LINE;

/// A cell, or what is wrong with it.
pub(super) type Cell = Result<Value, &'static str>;

/// One column of a row group.
pub(super) struct Column {
    reader: ColumnReader,
    kind: Kind,
    levels: Levels,
}

/// Definition and repetition levels say which values are null and where lists begin (Melnik and others, "Dremel", 2010).
#[derive(Default)]
struct Levels {
    most: (i16, i16),
    definition: Vec<i16>,
    repetition: Vec<i16>,
}

/// What the values of a column mean, where their physical type does not say it.
#[derive(Debug, Clone, Copy)]
enum Kind {
    Plain,
    Unsigned,
    Decimal(u32),
    Date,
    /// Units in a second.
    Time(i64),
    Timestamp(i64),
    Uuid,
    Half,
}

impl Column {
    pub(super) fn open(group: &dyn RowGroupReader, column: usize) -> Result<Self, ParquetError> {
        let described = group.metadata().schema_descr().column(column);
        let most = (described.max_def_level(), described.max_rep_level());
        let levels = Levels { most, ..Levels::default() };
        Ok(Self { reader: group.get_column_reader(column)?, kind: kind(&described), levels })
    }

    /// The next `n` cells.
    pub(super) fn read(&mut self, n: usize) -> Result<Vec<Cell>, ParquetError> {
        let (kind, levels) = (self.kind, &mut self.levels);
        match &mut self.reader {
            ColumnReader::BoolColumnReader(r) => levels.read(r, n, |v| Ok(Value::Bool(v))),
            ColumnReader::Int32ColumnReader(r) => levels.read(r, n, |v| match kind {
                Kind::Unsigned => Ok(Value::Integer(i64::from(v.cast_unsigned()))),
                kind => integer(i64::from(v), kind),
            }),
            ColumnReader::Int64ColumnReader(r) => levels.read(r, n, |v| integer(v, kind)),
            ColumnReader::Int96ColumnReader(r) => {
                levels.read(r, n, |v| civil(v.to_seconds()).map(Value::Text).ok_or(OUT_OF_RANGE))
            }
            // The numbers of a vector are nobody's decimals.
            ColumnReader::FloatColumnReader(r) if levels.most.1 > 0 => {
                levels.read(r, n, |v| Ok(real(f64::from(v))))
            }
            ColumnReader::FloatColumnReader(r) => levels.read(r, n, |v| Ok(real(single(v)))),
            ColumnReader::DoubleColumnReader(r) => levels.read(r, n, |v| Ok(real(v))),
            ColumnReader::ByteArrayColumnReader(r) => levels.read(r, n, |v| bytes(v.data(), kind)),
            ColumnReader::FixedLenByteArrayColumnReader(r) => levels.read(r, n, |v| bytes(v.data(), kind)),
        }
    }
}

const OUT_OF_RANGE: &str = "the date is before year -9999 or after 9999";

impl Levels {
    fn read<T: DataType>(
        &mut self,
        reader: &mut ColumnReaderImpl<T>,
        n: usize,
        cell: impl Fn(T::T) -> Cell,
    ) -> Result<Vec<Cell>, ParquetError> {
        let mut values = Vec::with_capacity(n);
        self.definition.clear();
        self.repetition.clear();
        let (definition, repetition) = (&mut self.definition, &mut self.repetition);
        let (read, ..) = reader.read_records(n, Some(definition), Some(repetition), &mut values)?;
        if read != n {
            return Err(ParquetError::EOF(format!("{} rows are missing", n - read)));
        }
        let mut values = values.into_iter().map(cell);
        let (most_defined, most_repeated) = self.most;
        let mut cells = Vec::with_capacity(n);
        if most_repeated > 0 {
            for (defined, repeated) in definition.iter().zip(repetition.iter()) {
                if *repeated == 0 {
                    cells.push(Ok(Value::List(Vec::new())));
                }
                if let (true, Some(last)) = (*defined == most_defined, cells.last_mut()) {
                    add(last, values.next().unwrap_or(Ok(Value::Null)));
                }
            }
        } else if most_defined > 0 {
            let is_there = |defined: &i16| *defined == most_defined;
            cells.extend(definition.iter().map(|d| {
                if is_there(d) { values.next().unwrap_or(Ok(Value::Null)) } else { Ok(Value::Null) }
            }));
        } else {
            cells.extend(values);
        }
        Ok(cells)
    }
}

fn add(list: &mut Cell, value: Cell) {
    match (list, value) {
        (Ok(Value::List(values)), Ok(value)) => values.push(value),
        (list, Err(reason)) => *list = Err(reason),
        _ => {}
    }
}

fn kind(column: &ColumnDescriptor) -> Kind {
    let a_second = |unit: &TimeUnit| match unit {
        TimeUnit::MILLIS => 1000,
        TimeUnit::MICROS => 1_000_000,
        TimeUnit::NANOS => 1_000_000_000,
    };
    match (column.logical_type_ref(), column.converted_type()) {
        (Some(LogicalType::Decimal(decimal)), _) => Kind::Decimal(decimal.scale.max(0).cast_unsigned()),
        (Some(LogicalType::Date), _) | (None, ConvertedType::DATE) => Kind::Date,
        (Some(LogicalType::Time(time)), _) => Kind::Time(a_second(&time.unit)),
        (Some(LogicalType::Timestamp(time)), _) => Kind::Timestamp(a_second(&time.unit)),
        (Some(LogicalType::Integer(integer)), _) if !integer.is_signed => Kind::Unsigned,
        (Some(LogicalType::Uuid), _) => Kind::Uuid,
        (Some(LogicalType::Float16), _) => Kind::Half,
        (None, ConvertedType::DECIMAL) => Kind::Decimal(column.type_scale().max(0).cast_unsigned()),
        (None, ConvertedType::TIME_MILLIS) => Kind::Time(1000),
        (None, ConvertedType::TIME_MICROS) => Kind::Time(1_000_000),
        (None, ConvertedType::TIMESTAMP_MILLIS) => Kind::Timestamp(1000),
        (None, ConvertedType::TIMESTAMP_MICROS) => Kind::Timestamp(1_000_000),
        (
            None,
            ConvertedType::UINT_8 | ConvertedType::UINT_16 | ConvertedType::UINT_32 | ConvertedType::UINT_64,
        ) => Kind::Unsigned,
        _ => Kind::Plain,
    }
}

fn integer(number: i64, kind: Kind) -> Cell {
    let date = |seconds: i64| civil(seconds).map(Value::Text).ok_or(OUT_OF_RANGE);
    match kind {
        Kind::Unsigned => {
            let number = number.cast_unsigned();
            Ok(i64::try_from(number).map_or_else(|_| Value::Text(number.to_string()), Value::Integer))
        }
        Kind::Decimal(scale) => Ok(decimal(i128::from(number), scale)),
        Kind::Date => date(number.saturating_mul(86_400)),
        Kind::Timestamp(a_second) => date(number.div_euclid(a_second)),
        Kind::Time(a_second) => {
            let seconds = number.div_euclid(a_second);
            let (hour, minute, second) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
            Ok(Value::Text(format!("{hour:02}:{minute:02}:{second:02}")))
        }
        _ => Ok(Value::Integer(number)),
    }
}

fn bytes(bytes: &[u8], kind: Kind) -> Cell {
    match (kind, bytes) {
        (Kind::Decimal(scale), _) => {
            // Big-endian, two's complement.
            let first = bytes.first().copied().unwrap_or(0);
            let sign = if first & 0x80 == 0 { 0 } else { -1 };
            let rest = bytes.len().saturating_sub(size_of::<i128>());
            let (more, digits) = bytes.split_at_checked(rest).unwrap_or_default();
            let unscaled = digits.iter().fold(sign, |n: i128, b| n << 8 | i128::from(*b));
            let fits =
                more.iter().all(|b| i128::from(b.cast_signed()) == sign) && (unscaled < 0) == (sign < 0);
            if fits { Ok(decimal(unscaled, scale)) } else { Err("the number has more than 38 digits") }
        }
        (Kind::Half, [low, high]) => Ok(real(single(half(u16::from_le_bytes([*low, *high]))))),
        (Kind::Uuid, bytes) if bytes.len() == 16 => {
            let hex: String = bytes.iter().map(|b| format!("{b:02x}")).collect();
            let dashed = hex.char_indices().flat_map(|(i, c)| {
                let dash = matches!(i, 8 | 12 | 16 | 20).then_some('-');
                dash.into_iter().chain([c])
            });
            Ok(Value::Text(dashed.collect()))
        }
        _ if bytes.len() > MAX_LINE => Err("the text is longer than 4 MiB"),
        _ => match std::str::from_utf8(bytes) {
            Ok(text) if !text.contains('\0') => Ok(Value::Text(text.to_owned())),
            Ok(_) => Err("the text holds a NUL byte"),
            Err(_) => Err("the column holds bytes and no text"),
        },
    }
}

/// Exact as far as a number or a text can hold it.
fn decimal(unscaled: i128, scale: u32) -> Value {
    const EXACT: u128 = 1 << 53;
    if scale == 0 {
        return i64::try_from(unscaled).map_or_else(|_| Value::Text(unscaled.to_string()), Value::Integer);
    }
    if unscaled.unsigned_abs() <= EXACT && scale <= 22 {
        return Value::Real(unscaled as f64 / 10_f64.powi(scale as i32));
    }
    format!("{unscaled}e-{scale}").parse().map_or(Value::Null, Value::Real)
}

fn real(number: f64) -> Value {
    if number.is_nan() { Value::Null } else { Value::Real(number) }
}

/// The number that a single-precision one was written for: the double that is nearest to its shortest decimal form.
fn single(number: f32) -> f64 {
    let wide = f64::from(number);
    let short = (0..=6).map(|places| {
        let scale = 10_f64.powi(places);
        (wide * scale).round() / scale
    });
    let is_it = |n: &f64| *n as f32 == number;
    if wide.abs() < 1e9
        && let Some(found) = short.into_iter().find(is_it)
    {
        return found;
    }
    number.to_string().parse().unwrap_or(wide)
}

/// IEEE 754 half precision.
pub(in crate::source) fn half(bits: u16) -> f32 {
    let (exponent, fraction) = (i32::from(bits >> 10 & 0x1f), f32::from(bits & 0x3ff));
    let size = match exponent {
        0x1f if fraction == 0.0 => f32::INFINITY,
        0x1f => f32::NAN,
        0 => fraction * 2_f32.powi(-24),
        _ => (1.0 + fraction / 1024.0) * 2_f32.powi(exponent - 15),
    };
    if bits & 0x8000 == 0 { size } else { -size }
}
