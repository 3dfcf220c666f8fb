"""The report: one HTML file for the analyst, the data engineer and the engineer on call. It needs no network.

`collect` reads what is published and returns plain records; `shape` makes a document of them; `page` puts it into one
file, with a style sheet, a script and uPlot beside them. Nothing here decides anything: it shows what others computed.
"""
