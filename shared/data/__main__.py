"""For authors, after adding or changing a file: `python -m shared.data` writes SHA256SUMS anew."""

from shared.data.files import FILES, SUMS, write_checksums

write_checksums()
print(f"wrote {FILES / SUMS}")
