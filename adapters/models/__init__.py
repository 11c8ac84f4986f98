"""Language models behind one port: the official clients, and the offline model that speaks their wires."""
