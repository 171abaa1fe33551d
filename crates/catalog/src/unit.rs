use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What a number counts. Written as its name (`"minutes"`, `"km"`, `"usd"`); names that are not known keep
/// their spelling and convert to nothing but themselves.
///
/// ```
/// use segue_catalog::Unit;
/// let (hours, minutes) = (Unit::parse("hours"), Unit::parse("min"));
/// assert_eq!(hours.factor_to(&minutes), Some(60.0));
/// assert_eq!(hours.factor_to(&Unit::parse("km")), None);
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(from = "String", into = "String")]
pub struct Unit(String);

/// Canonical name, dimension, size in the dimension's base unit, other spellings.
const UNITS: &[(&str, &str, f64, &[&str])] = &[
    ("milliseconds", "duration", 0.001, &["ms", "msec", "millisecond"]),
    ("seconds", "duration", 1.0, &["s", "sec", "secs", "second"]),
    ("minutes", "duration", 60.0, &["min", "mins", "minute"]),
    ("hours", "duration", 3600.0, &["h", "hr", "hrs", "hour"]),
    ("days", "duration", 86_400.0, &["d", "day"]),
    ("weeks", "duration", 604_800.0, &["week", "wk", "wks"]),
    ("millimetres", "length", 0.001, &["mm", "millimetre", "millimeter", "millimeters"]),
    ("centimetres", "length", 0.01, &["cm", "centimetre", "centimeter", "centimeters"]),
    ("metres", "length", 1.0, &["m", "metre", "meter", "meters"]),
    ("kilometres", "length", 1000.0, &["km", "kilometre", "kilometer", "kilometers"]),
    ("inches", "length", 0.0254, &["in", "inch", "\""]),
    ("feet", "length", 0.3048, &["ft", "foot", "'"]),
    ("yards", "length", 0.9144, &["yd", "yds", "yard"]),
    ("miles", "length", 1609.344, &["mi", "mile"]),
    ("grams", "mass", 0.001, &["g", "gram"]),
    ("kilograms", "mass", 1.0, &["kg", "kilo", "kilos", "kilogram"]),
    ("ounces", "mass", 0.028_349_523_125, &["oz", "ounce"]),
    ("pounds", "mass", 0.453_592_37, &["lb", "lbs"]),
    ("tonnes", "mass", 1000.0, &["tonne"]),
    ("millilitres", "volume", 0.001, &["ml", "millilitre", "milliliter", "milliliters"]),
    ("centilitres", "volume", 0.01, &["cl", "centilitre", "centiliter", "centiliters"]),
    ("litres", "volume", 1.0, &["l", "litre", "liter", "liters"]),
    ("square_metres", "area", 1.0, &["m2", "m²", "sqm", "square metres", "square meters"]),
    ("square_feet", "area", 0.092_903_04, &["sqft", "sq ft", "ft2", "ft²", "square feet"]),
    ("hectares", "area", 10_000.0, &["ha", "hectare"]),
    ("acres", "area", 4_046.856_422_4, &["acre"]),
    ("square_kilometres", "area", 1e6, &["km2", "km²", "square kilometres", "square kilometers"]),
    ("megabytes", "memory", 1.0, &["mb", "megabyte"]),
    ("gigabytes", "memory", 1000.0, &["gb", "gigabyte"]),
    ("terabytes", "memory", 1_000_000.0, &["tb", "terabyte"]),
    ("bpm", "tempo", 1.0, &["beats per minute"]),
    ("db", "level", 1.0, &["decibel", "decibels"]),
    ("percent", "ratio", 0.01, &["%", "pct", "per cent"]),
    ("year", "calendar", 1.0, &["years"]),
    ("usd", "usd", 1.0, &["$", "dollar", "dollars"]),
    ("eur", "eur", 1.0, &["€", "euro", "euros"]),
    ("gbp", "gbp", 1.0, &["£"]),
    ("brl", "brl", 1.0, &["r$", "real", "reais"]),
    ("cny", "cny", 1.0, &["¥", "yuan", "rmb", "元"]),
];

impl Unit {
    /// Reads a unit's name or one of its usual spellings, in any case.
    pub fn parse(name: &str) -> Self {
        let folded = name.trim().to_lowercase();
        let known = UNITS.iter().find(|(n, _, _, other)| *n == folded || other.contains(&folded.as_str()));
        Self(known.map_or(folded, |(n, ..)| (*n).to_owned()))
    }

    /// The canonical name.
    pub fn name(&self) -> &str {
        &self.0
    }

    /// True if this is one of the units that convert.
    pub fn is_known(&self) -> bool {
        self.entry().is_some()
    }

    /// What is measured: `duration`, `length`, …; `calendar` for years.
    pub fn dimension(&self) -> Option<&'static str> {
        self.entry().map(|e| e.1)
    }

    /// By what to multiply a number in this unit to have it in `other`; `None` if they measure different things.
    pub fn factor_to(&self, other: &Unit) -> Option<f64> {
        if self == other {
            return Some(1.0);
        }
        let (from, to) = (self.entry()?, other.entry()?);
        let factor = from.2 / to.2;
        // A foot is twelve inches exactly.
        let whole = factor.round();
        let is_whole = (factor - whole).abs() <= 1e-12 * factor;
        (from.1 == to.1).then_some(if is_whole { whole } else { factor })
    }

    fn entry(&self) -> Option<&'static (&'static str, &'static str, f64, &'static [&'static str])> {
        UNITS.iter().find(|(name, ..)| *name == self.0)
    }
}

impl From<String> for Unit {
    fn from(name: String) -> Self {
        Self::parse(&name)
    }
}

impl From<Unit> for String {
    fn from(unit: Unit) -> Self {
        unit.0
    }
}
