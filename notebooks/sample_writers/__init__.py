"""Writers of every kind of file: the same content in, the same bytes out.

The benchmarks, the fuzz tests and the notebooks' samples are made with them. They use
the standard library alone, except for pictures (Pillow) and PDFs (reportlab).
"""
