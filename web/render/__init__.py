"""What the pages draw and print: charts, tables of the model pages, the PDF report."""
