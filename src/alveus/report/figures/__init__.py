"""Arrays to figures, one family a file: drawings as SVG text that follow the page's light and dark colours."""
