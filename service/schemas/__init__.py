"""What the API and the command line take and give (marshmallow), one module per capability.

Beside the schemas stand the functions that turn what a use case returned into their data. Schemas
shape what goes in and out; rules stay in the domain.
"""
