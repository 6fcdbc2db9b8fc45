//! Recordings that tests write by themselves: a signal as CSV, COMTRADE of every kind and year, WAV.

#![allow(dead_code, clippy::unwrap_used, reason = "each test binary uses a part of it, and may fail")]

use std::fmt::Write;
use std::path::{Path, PathBuf};

/// Samples by channel, with names u1 … i3.
pub struct Signal {
    pub rate_hz: f64,
    pub names: Vec<String>,
    pub channels: Vec<Vec<f64>>,
}

/// A sum of cosines: (frequency in Hz, RMS, angle in degrees).
pub fn cosines(rate_hz: f64, count: usize, parts: &[(f64, f64, f64)]) -> Vec<f64> {
    let at = |n: usize| {
        let t = n as f64 / rate_hz;
        let part = |&(f, rms, deg): &(f64, f64, f64)| {
            rms * std::f64::consts::SQRT_2 * (std::f64::consts::TAU * f * t + f64::to_radians(deg)).cos()
        };
        parts.iter().map(part).sum()
    };
    (0..count).map(at).collect()
}

/// Three voltages of 230 V and three currents of 16 A with a fifth harmonic.
pub fn three_phases(rate_hz: f64, count: usize, f: f64) -> Signal {
    let phase = |rms: f64, deg: f64| cosines(rate_hz, count, &[(f, rms, deg), (5.0 * f, 0.05 * rms, 5.0 * deg + 20.0)]);
    let channels = [(230.0, 0.0), (230.0, -120.0), (230.0, 120.0), (16.0, 10.0), (16.0, -110.0), (16.0, 130.0)];
    Signal {
        rate_hz,
        names: ["u1", "u2", "u3", "i1", "i2", "i3"].map(String::from).to_vec(),
        channels: channels.iter().map(|(rms, deg)| phase(*rms, *deg)).collect(),
    }
}

impl Signal {
    pub fn len(&self) -> usize {
        self.channels[0].len()
    }

    pub fn csv(&self, decimals: usize) -> String {
        let mut text = format!("time_s,{}\n", self.names.join(","));
        for n in 0..self.len() {
            write!(text, "{:.decimals$}", n as f64 / self.rate_hz).unwrap();
            self.channels.iter().for_each(|c| write!(text, ",{:.9}", c[n]).unwrap());
            text.push('\n');
        }
        text
    }

    /// Step of a 16-bit (or 32-bit) integer of each channel.
    pub fn step(&self, channel: usize, bits: u32) -> f64 {
        let most = self.channels[channel].iter().fold(1e-9f64, |m, x| m.max(x.abs()));
        1.01 * most / f64::from(2u32.pow(bits - 1) - 1)
    }

    /// Configuration and data.
    pub fn comtrade(&self, year: u32, kind: &str) -> (String, Vec<u8>) {
        let bits = match kind {
            "BINARY32" => 32,
            _ => 16,
        };
        let count = self.len();
        let mut cfg = if year == 1991 { "S,D\r\n".to_owned() } else { format!("S,D,{year}\r\n") };
        write!(cfg, "{},{}A,3D\r\n", self.names.len() + 3, self.names.len()).unwrap();
        for (k, name) in self.names.iter().enumerate() {
            let a = if kind == "FLOAT32" { 1.0 } else { self.step(k, bits) };
            let unit = if name.starts_with('u') { "V" } else { "A" };
            let phase = ["A", "B", "C"][k % 3];
            write!(cfg, "{},{name},{phase},,{unit},{a:e},0,0,-32767,32767", k + 1).unwrap();
            cfg.push_str(if year == 1991 { "\r\n" } else { ",1,1,P\r\n" });
        }
        (1..=3).for_each(|k| {
            cfg.push_str(&if year == 1991 { format!("{k},S{k},0\r\n") } else { format!("{k},S{k},,,0\r\n") })
        });
        write!(
            cfg,
            "50\r\n1\r\n{},{count}\r\n01/02/2020,00:00:00.000000\r\n01/02/2020,00:00:00.000000\r\n{kind}\r\n",
            self.rate_hz
        )
        .unwrap();
        if year >= 1999 {
            cfg.push_str("1\r\n");
        }
        if year >= 2013 {
            cfg.push_str("+1h,+1h\r\nA,3\r\n");
        }
        (cfg, {
            let steps: Vec<f64> = (0..self.names.len()).map(|k| self.step(k, bits)).collect();
            (0..count).flat_map(|n| self.record(n, kind, &steps)).collect()
        })
    }

    fn record(&self, n: usize, kind: &str, steps: &[f64]) -> Vec<u8> {
        let stamp = (n as f64 * 1e6 / self.rate_hz).round() as u32;
        let whole = |k: usize| (self.channels[k][n] / steps[k]).round();
        if kind == "ASCII" {
            let values: Vec<String> = (0..self.names.len()).map(|k| whole(k).to_string()).collect();
            return format!("{},{stamp},{},0,1,0\r\n", n + 1, values.join(",")).into_bytes();
        }
        let mut bytes = (n as u32 + 1).to_le_bytes().to_vec();
        bytes.extend(stamp.to_le_bytes());
        for k in 0..self.names.len() {
            match kind {
                "BINARY" => bytes.extend((whole(k) as i16).to_le_bytes()),
                "BINARY32" => bytes.extend((whole(k) as i32).to_le_bytes()),
                _ => bytes.extend((self.channels[k][n] as f32).to_le_bytes()),
            }
        }
        bytes.extend([2, 0]);
        bytes
    }
}

/// Writes files of one name and returns the path of the first.
pub fn written(folder: &Path, files: &[(&str, &[u8])]) -> PathBuf {
    for (name, bytes) in files {
        std::fs::write(folder.join(name), bytes).unwrap();
    }
    folder.join(files[0].0)
}
