//! Floor 2: waveforms that others have recorded – CSV, COMTRADE, WAV – read a block at a time in bounded memory.
