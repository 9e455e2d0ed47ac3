"""What workers did when (`spans`), and charts of it and of latencies (`charts`)."""
