"""The fields of causes: what each part does to the answer, computed when it is read, or filled in cell by cell."""
