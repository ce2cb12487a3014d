//! One measured figure.

use serde_json::json;

/// A value, and how it compares to the baseline of the same run.
pub(crate) struct Figure {
    pub(crate) name: String,
    pub(crate) value: f64,
    pub(crate) unit: &'static str,
    /// In the same unit; none where nothing compares.
    pub(crate) baseline: Option<f64>,
}

impl Figure {
    pub(crate) fn print(&self, as_json: bool) {
        let ratio = self.baseline.map(|baseline| self.value / baseline);
        if as_json {
            let round = |value: f64| (value * 1000.0).round() / 1000.0;
            println!(
                "{}",
                json!({
                    "name": self.name, "value": round(self.value), "unit": self.unit,
                    "baseline": self.baseline.map(round), "ratio": ratio.map(round),
                })
            );
            return;
        }
        let ratio = ratio.map_or_else(String::new, |ratio| format!("{ratio:.2} × baseline"));
        println!("{:<44} {:>12.2} {:<14} {ratio}", self.name, self.value, self.unit);
    }
}
