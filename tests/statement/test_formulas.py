"""Statements as text."""

import sympy

from sirenpde.fields.forms import added, component, differentiated
from sirenpde.fields.layout import Layout
from sirenpde.statement.formulas import derivative_texts, formula_text, function_text, subscript, written
from sirenpde.statement.symbolic.notation import component as part
from sirenpde.statement.symbolic.notation import normal

x, t = sympy.symbols("x t")
u = sympy.Function("u")(x, t)


def test_a_formula_has_subscripts_for_derivatives():
    assert formula_text(u.diff(t) + u * u.diff(x) - sympy.Rational(1, 3) * u.diff(x, 2)) == "u*u_x + u_t - u_xx/3"
    assert formula_text(u.diff(x, t)) in {"u_xt", "u_tx"}


def test_a_displaced_field_names_its_place():
    assert formula_text(u - u.subs(x, 1)) == "-u(1, t) + u"
    assert formula_text(u.diff(x).subs(x, 1)) == "u_x(x=1)"


def test_normals_and_components_are_written_as_they_are_called():
    assert formula_text(u.diff(x) * normal("x")) == "normal[x]*u_x"
    assert formula_text(part(u, 0).diff(x)) == "component(u_x, 0)"


def test_floating_numbers_have_six_digits():
    assert formula_text(0.01 / 3.14159265358979 * u) == "0.0031831*u"


def test_the_same_formula_gives_the_same_text():
    assert len({formula_text(u.diff(x) + u.diff(t) + u**2 + x * t) for _ in range(3)}) == 1


def test_an_equation_is_the_difference_of_its_sides_and_a_list_has_a_text_each():
    assert written(sympy.Eq(u, x)) == ("-x + u",)
    assert written([u, u.diff(x)]) == ("u", "u_x")


def test_a_function_is_its_name_and_place():
    def equation(a, phi):
        return phi.u

    line = equation.__code__.co_firstlineno
    assert function_text(equation) == f"equation (test_formulas.py:{line})"


def test_a_lambda_is_its_formula_and_place():
    residual = lambda a, phi: phi.u - 2 * a.x
    assert function_text(residual) == f"phi.u - 2 * a.x (test_formulas.py:{residual.__code__.co_firstlineno})"
    two = [lambda a: a, lambda a: -a]
    assert function_text(two[0]).startswith("lambda (test_formulas.py:")


def test_a_lambda_without_source_is_a_lambda():
    namespace = {}
    exec(compile("f = lambda a: a", "<nowhere>", "exec"), namespace)
    assert function_text(namespace["f"]) == "lambda (<nowhere>:1)"


def test_anything_else_is_named_by_its_type_or_value():
    class Known:
        def __call__(self, a):
            return a

    assert written(Known()) == ("Known",)
    assert written(0.1) == ("0.1",)
    assert written(abs) == ("abs",)


def test_derivatives_are_listed_once_by_order_and_in_the_order_of_the_coordinates():
    layout = Layout({"u": None, "v": 2}, ("x", "t"))
    value = component(0, 2)
    laplacian = added(differentiated(differentiated(value, 0), 0), differentiated(differentiated(value, 1), 1))
    forms = [laplacian, differentiated(value, 1), differentiated(value, 0), value, component(2, 2)]
    assert derivative_texts(forms, layout) == ("u", "v[1]", "u_x", "u_t", "u_xx", "u_tt")


def test_long_coordinates_are_kept_apart():
    assert subscript({"r": 1, "theta": 2}) == "_r_theta_theta"
    assert subscript({"x": 2, "t": 1}) == "_xxt"
    assert subscript({"x": 0}) == ""
